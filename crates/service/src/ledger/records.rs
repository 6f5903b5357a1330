//! The rows of the ledger. Times are seconds since 1970-01-01 UTC. No row prints a secret, because no row has one that is not hashed or sealed.

use std::fmt;

use crate::keys::Scopes;

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiKeyRow {
    /// The public part of the key.
    pub(crate) id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// The SHA-256 of the whole key.
    pub(crate) hash: [u8; 32],
    /// What it may do.
    pub(crate) scopes: Scopes,
    /// The only tenant that it may see and stamp for.
    pub(crate) tenant: Option<String>,
    /// When it was made.
    pub(crate) created: u64,
    /// The first second at which it is no longer valid.
    pub(crate) expires: Option<u64>,
    /// When it was revoked.
    pub(crate) revoked: Option<u64>,
}

/// Encrypted bytes; see `sealed`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SealedBytes(pub Vec<u8>);

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed({} bytes)", self.0.len())
    }
}

/// Where a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This service has minted it.
    Minted,
    /// It came with a request.
    Seen,
}

impl Origin {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minted => "minted",
            Self::Seen => "seen",
        }
    }
}

/// A token, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRecord {
    /// Its `jti`; of an opaque token, [`TokenRecord::opaque_id`].
    pub(crate) id: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Whose devices enroll with it.
    pub(crate) tenant: Option<String>,
    /// The product that it is for.
    pub(crate) product: Option<String>,
    /// The one device that may use it.
    pub(crate) serial: Option<String>,
    /// Which issuer key has signed it.
    pub(crate) issuer_key: Option<String>,
    /// [`stampwright::Token::fingerprint`].
    pub(crate) fingerprint: String,
    /// When it was minted here or seen first.
    pub(crate) created: u64,
    /// The first second at which it is no longer valid.
    pub(crate) expires: Option<u64>,
    /// How many devices may use it.
    pub(crate) uses: Option<u64>,
    /// The id of the API key that minted or brought it.
    pub(crate) by_key: String,
}

impl TokenRecord {
    /// The id under which a token is kept that says nothing of itself.
    #[must_use]
    pub(crate) fn opaque_id(fingerprint: &str) -> String {
        format!("opaque-{fingerprint}")
    }
}

/// A token and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    /// What it is.
    pub(crate) record: TokenRecord,
    /// How many devices have used it.
    pub(crate) used: u64,
    /// When it was revoked.
    pub(crate) revoked: Option<u64>,
    /// How many installers carry it.
    pub(crate) installers: u64,
    /// Whether the token itself is kept, sealed.
    pub(crate) is_kept: bool,
}

/// Whether a token can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenStatus {
    /// It can.
    Valid,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
    /// As many devices as may have used it.
    UsedUp,
}

impl TokenStatus {
    /// Its name: `valid`, `revoked`, `expired` or `used_up`.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::UsedUp => "used_up",
        }
    }

    /// The one rule: what is revoked stays so, whatever else it is.
    pub(super) fn new(revoked: Option<u64>, expires: Option<u64>, uses: Option<u64>, used: u64, now: u64) -> Self {
        if revoked.is_some() {
            Self::Revoked
        } else if expires.is_some_and(|expires| expires <= now) {
            Self::Expired
        } else if uses.is_some_and(|uses| uses <= used) {
            Self::UsedUp
        } else {
            Self::Valid
        }
    }
}

impl TokenRow {
    /// Whether it can be used at `now`.
    #[must_use]
    pub(crate) fn status(&self, now: u64) -> TokenStatus {
        TokenStatus::new(self.revoked, self.record.expires, self.record.uses, self.used, now)
    }
}

/// What a report of a use comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UseReport {
    /// Whether this device may enroll with it: its use counts now, or did already and the token is not revoked.
    pub(crate) accepted: bool,
    /// Whether this report was the first of its device.
    pub(crate) is_new: bool,
    /// What the token is after the report.
    pub(crate) status: TokenStatus,
    /// How many devices have used it.
    pub(crate) used: u64,
    /// How many may.
    pub(crate) uses: Option<u64>,
}

/// Which installer: the base and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installer {
    /// The SHA-256 of the base.
    pub(crate) base: [u8; 32],
    /// The product's name.
    pub(crate) product: String,
    /// `windows`, `macos`, `linux`.
    pub(crate) platform: String,
    /// The architecture.
    pub(crate) arch: String,
    /// The name of the file that is handed out.
    pub(crate) file_name: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// The entity tag with its quotes: names the splice.
    pub(crate) etag: String,
}

/// An installer that is about to be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewStamp {
    /// When.
    pub(crate) at: u64,
    /// The id of the API key that asked; of a link, of the key that made the link.
    pub(crate) by_key: String,
    /// For whom.
    pub(crate) tenant: Option<String>,
    /// Which installer.
    pub(crate) installer: Installer,
    /// The token in it. It is written down if it is not known yet.
    pub(crate) token: TokenRecord,
}

/// A number that names a row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StampId(pub i64);

/// How a download ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has begun, and its end is not known: it runs, or the service was killed.
    Started,
    /// Everything that was asked for was handed to the system.
    Done,
    /// The client went before the end.
    ClientGone,
    /// The base was changed while it was read, and the connection was ended.
    BaseChanged,
    /// The machine failed.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Started, Self::Done, Self::ClientGone, Self::BaseChanged, Self::Failed];

    /// Its name.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::ClientGone => "client_gone",
            Self::BaseChanged => "base_changed",
            Self::Failed => "failed",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// The end of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StampEnd {
    /// When.
    pub(crate) at: u64,
    /// How.
    pub(crate) outcome: Outcome,
    /// How many bytes of the installer this response has sent.
    pub(crate) sent: u64,
    /// The offset after the last byte that it has sent, from the start of the installer; 0 if it has sent nothing.
    pub(crate) reached: u64,
}

/// What the ledger knows of an installer that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StampRow {
    /// Its number.
    pub(crate) id: StampId,
    /// When the first byte was due.
    pub(crate) at: u64,
    /// The id of the API key.
    pub(crate) by_key: String,
    /// For whom.
    pub(crate) tenant: Option<String>,
    /// The token's id.
    pub(crate) token: String,
    /// The token's fingerprint.
    pub(crate) fingerprint: String,
    /// Which installer.
    pub(crate) installer: Installer,
    /// The id of the link that it came by.
    pub(crate) link: Option<String>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// How many bytes were sent, by all responses together.
    pub(crate) bytes: u64,
    /// When the last response ended.
    pub(crate) ended: Option<u64>,
}

/// Whether an installer may be handed out; if so, its row is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It may.
    Started(StampId),
    /// The token cannot be used; never [`TokenStatus::Valid`].
    Refused(TokenStatus),
    /// Another token with this id is known.
    OtherToken,
}

/// A link that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewLink {
    /// Its public id.
    pub(crate) id: String,
    /// The SHA-256 of its secret.
    pub(crate) secret_hash: [u8; 32],
    /// For whom.
    pub(crate) tenant: Option<String>,
    /// Which installer.
    pub(crate) installer: Installer,
    /// The token in it. It is written down if it is not known yet.
    pub(crate) token: TokenRecord,
    /// The token, sealed.
    pub(crate) sealed: SealedBytes,
    /// How many times it can be used.
    pub(crate) uses: u64,
    /// When it is made.
    pub(crate) created: u64,
    /// The first second at which it is no longer valid.
    pub(crate) expires: u64,
    /// The id of the API key.
    pub(crate) by_key: String,
}

/// A link and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkRow {
    /// Its public id.
    pub(crate) id: String,
    /// For whom.
    pub(crate) tenant: Option<String>,
    /// The token's id.
    pub(crate) token: String,
    /// What the token is now.
    pub(crate) token_status: TokenStatus,
    /// Which installer.
    pub(crate) installer: Installer,
    /// How many times it could be used when it was made.
    pub(crate) uses: u64,
    /// How many times it still can.
    pub(crate) uses_left: u64,
    /// How many uses were given back after a broken start.
    pub(crate) given_back: u64,
    /// When it was made.
    pub(crate) created: u64,
    /// The first second at which it is no longer valid.
    pub(crate) expires: u64,
    /// When it was revoked.
    pub(crate) revoked: Option<u64>,
    /// The id of the API key that made it.
    pub(crate) by_key: String,
    /// The token, sealed, as long as the link can be used.
    pub(crate) sealed: Option<SealedBytes>,
}

/// Why a link gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkRefusal {
    /// There is no such link.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was used as often as it may.
    UsedUp,
    /// It was revoked.
    Revoked,
    /// Its token cannot be used; never [`TokenStatus::Valid`].
    Token(TokenStatus),
}

impl LinkRow {
    /// Why a use of it would be refused at `now`, if it would.
    #[must_use]
    pub(crate) fn refusal(&self, now: u64) -> Option<LinkRefusal> {
        self.refusal_in_session().or_else(|| {
            if self.expires <= now {
                Some(LinkRefusal::Expired)
            } else {
                (self.uses_left == 0).then_some(LinkRefusal::UsedUp)
            }
        })
    }

    /// Why it gives nothing even to who has claimed it: a session outlives the link's time and uses, and nothing else.
    pub(crate) fn refusal_in_session(&self) -> Option<LinkRefusal> {
        if self.revoked.is_some() {
            return Some(LinkRefusal::Revoked);
        }
        (self.token_status != TokenStatus::Valid).then_some(LinkRefusal::Token(self.token_status))
    }
}

/// A session in which ranges of an installer are free: opened by the claim of a link's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewSession {
    /// The SHA-256 of the cookie's value.
    pub(crate) hash: [u8; 32],
    /// The first second at which it is over.
    pub(crate) expires: u64,
}

/// What shows that a request belongs to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionProof {
    /// The SHA-256 of the cookie's value.
    Cookie([u8; 32]),
    /// The entity tag in `If-Range`, with its quotes: only who was given the installer knows it.
    Etag(String),
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// A use was taken, the session is open, and the row of this installer is on the disk.
    Open(StampId),
    /// Nothing was taken.
    Refused(LinkRefusal),
}

/// What became of a request within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// The session is open; this is the row of its installer.
    Open(StampId),
    /// There is no such session, or it is over: a use has to be claimed.
    NoSession,
    /// The link or its token was revoked or expired in the meantime.
    Refused(LinkRefusal),
}

/// Somebody who has signed in on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageSession {
    /// The SHA-256 of the cookie's value.
    pub(crate) hash: [u8; 32],
    /// The id of the API key that signed in.
    pub(crate) api_key: String,
    /// When.
    pub(crate) opened: u64,
    /// The first second at which it is over.
    pub(crate) expires: u64,
}

/// A request with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Once {
    /// The id of the API key: names are apart for each.
    pub(crate) by_key: String,
    /// The value of the header.
    pub(crate) name: String,
    /// The SHA-256 of everything that the request says.
    pub(crate) request: [u8; 32],
    /// What is answered, sealed.
    pub(crate) response: SealedBytes,
    /// The first second at which it is forgotten.
    pub(crate) expires: u64,
}

/// What became of a change that is to be made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Added {
    /// It was made.
    New,
    /// It was made before: what was answered then.
    Before(SealedBytes),
    /// Another request had this `Idempotency-Key`.
    OtherRequest,
    /// The token cannot be used; never [`TokenStatus::Valid`].
    Refused(TokenStatus),
    /// Another token with this id is known.
    OtherToken,
}

/// Which rows, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Of this tenant.
    pub(crate) tenant: Option<String>,
    /// Of this token. Tokens have no such filter.
    pub(crate) token: Option<String>,
    /// Of this link. Only rows of installers have one.
    pub(crate) link: Option<String>,
    /// Not older than this.
    pub(crate) since: Option<u64>,
    /// After this row: [`Page::next`] of the page before.
    pub(crate) after: Option<String>,
    /// How many at most; [`Filter::MAX_ROWS`] are the most.
    pub(crate) rows: u64,
}

impl Filter {
    /// The most rows of a page.
    pub(crate) const MAX_ROWS: u64 = 1000;
}

/// Rows, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// What [`Filter::after`] has to be for the next page; none if this is the last.
    pub(crate) next: Option<String>,
}
