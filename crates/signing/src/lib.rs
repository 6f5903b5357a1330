//! Keys, signed messages, timestamps and external signers: the only crate that sees a private key.
