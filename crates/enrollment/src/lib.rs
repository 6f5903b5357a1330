//! The rules of an enrollment server, as pure functions: no I/O, no clock, no randomness.
//!
//! ```text
//!   request ─┐
//!   token   ─┤                  ┌ Known      the same key again: the same answer, no further use of the token
//!   policy  ─┼─▶ decide(…, now) ┼ Enroll     a new record
//!   records ─┤                  ├ Rebind     an existing record gets this key: by proof of the old key, or an admin's act
//!   answer  ─┘                  ├ Pending    an admin has to answer
//!                               └ Refuse     one reason, the `type` of an RFC 9457 problem
//! ```
//!
//! Three sentences carry the rest:
//!
//! 1. **A token enrolls, a key authenticates, a fingerprint only suggests.** No fingerprint, however equal, gives a device the record of
//!    another: [`decide`](fn@decide) names an existing record only for a key that has it, for a proof of the key that had it, or for an
//!    admin's answer.
//! 2. **The device's key is the idempotency key.** A repeated request costs nothing and changes nothing.
//! 3. **The server's time decides expiry.** `now` is an argument of every function that needs it, in seconds since 1970.
//!
//! ```
//! use enrollment::{Decision, Fingerprint, Policy, Question, Request, Token, decide};
//!
//! let token = Token::new("tok-1", "acme", "Agent", 2_000);
//! let request = Request::new("key-1", "Agent", [1, 4, 2], Fingerprint::default());
//! let policy = Policy::default();
//! let question = Question::new(&policy, &request).with_token(&token);
//! assert!(matches!(decide(&question, 1_000), Decision::Enroll { .. }));
//! // The first second at which a token is no longer valid is its expiry.
//! assert!(matches!(decide(&question, 2_000), Decision::Refuse(enrollment::Refusal::TokenExpired)));
//! ```

mod admin;
mod check_in;
mod decide;
mod fingerprint;
mod matching;
mod records;
mod refusal;

pub use admin::{Merge, merge};
pub use check_in::{CheckIn, check_in};
pub use decide::{Decision, Pending, Question, decide};
pub use fingerprint::{Class, Fingerprint, Kind, Part, PartHash};
pub use matching::{Match, Verdict, compare, is_common};
pub use records::{Answer, Clones, Device, Exhausted, Policy, Previous, Request, Status, Token, status};
pub use refusal::Refusal;
