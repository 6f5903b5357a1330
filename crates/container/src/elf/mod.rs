//! Linux executables, and the libraries that a package must depend on.
//!
//! ```text
//! 0x00   e_ident        0x7f "ELF", class (1: 32, 2: 64), data (1: little-endian), version, OS ABI
//! 0x10   e_type         2 EXEC, 3 DYN (position-independent, or a library)
//! 0x12   e_machine      62 x86-64, 183 AArch64
//!        program headers  PT_LOAD  what is mapped where: virtual addresses to file offsets
//!                         PT_INTERP the dynamic linker; a program without one is static
//!                         PT_DYNAMIC DT_NEEDED libraries, DT_STRTAB, DT_VERNEED, …
//!        section headers  only looked at for a symbol table: has the file been stripped?
//! ```
//!
//! Names and numbers are those of the System V gABI, chapters 4 and 5; symbol versions (`DT_VERNEED`) those of the
//! LSB 5.0 Core, §10.7. Headers are read of every class, so that a 32-bit agent can be told so; libraries only of
//! 64-bit little-endian files. Nothing here is signed: an ELF file has no code signature that a system checks.
//!
//! | file | noun |
//! |---|---|
//! | `headers` | [`Elf`]: identity, program headers, sections |
//! | `dynamic` | [`Libraries`]: what the dynamic linker will look for, in which versions |
//!
//! `object` and `goblin` parse all this from a whole file in memory; a package check reads 10 kB of 100 MB.

mod dynamic;
mod headers;

pub use dynamic::{Libraries, Library};
pub use headers::{Elf, Machine, is_elf};
