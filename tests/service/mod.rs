//! `stampwright serve`, the real program, with curl as its client.
//!
//! | module | what it holds us to |
//! |---|---|
//! | `downloads` | one token in, one installer out: headers, ranges, plans, the ledger, two hundred at once |
//! | `issuer` | a key on a PKCS #11 token or behind a command mints, and one that fails is told |
//! | `links` | pages, probes and sessions take nothing; a use is taken once |
//! | `tokens` | minted, listed, revoked, used up, never stamped again |
//! | `enrollment` | an agent that shares no code with ours enrolls |
//! | `callers` | keys, scopes, tenants, limits, refusals |
//! | `faults` | bases that change, clients that go, a service that is killed |
//! | `full_store` | a store whose disk is full at any page |
//! | `killed` | a service that is killed at each system call by which the ledger reaches the disk |
//! | `killed_postgres` | a service that is killed, or a database that is stopped, at each message of a transaction |
//! | `thousand` | a thousand tokens over 64 connections, each file byte for byte |
//! | `wrk` | wrk, with a fresh token for each request, and at a link of so many uses |
//! | `openapi` | what the document of the interface says, as schemathesis reads it |
//! | `edge` | what an edge worker puts together from a plan |
//! | `signing` | signed bases, and a signer that is slow |
//! | `proxy` | nginx in front: downloads through it, and requests of which two readers could see two |
//! | `s3` | bases in a bucket, and an installer that is put together there |
//! | `secrets` | tokens, keys, handles, credentials and PINs in logs, metrics, database and arguments |

mod callers;
mod downloads;
mod edge;
mod enrollment;
mod faults;
mod full_store;
mod issuer;
mod killed;
mod killed_postgres;
mod links;
mod openapi;
mod proxy;
mod s3;
mod secrets;
pub mod server;
mod signing;
mod thousand;
mod tokens;
mod wrk;
