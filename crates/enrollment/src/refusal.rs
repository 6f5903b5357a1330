//! Why a request is refused for now.

use std::fmt;

/// Why a request is refused. Each is the `type` of a problem (RFC 9457), and the agent stays `blocked` by it until something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The server knows no such token.
    TokenUnknown,
    /// The token has expired by the server's clock.
    TokenExpired,
    /// An admin has revoked the token.
    TokenRevoked,
    /// The token has enrolled as many devices as it may.
    TokenExhausted,
    /// The token is for another product.
    WrongProduct,
    /// The token is of another tenant than the one that the device is pinned to.
    WrongTenant,
    /// The token asks for a newer agent.
    AgentTooOld,
    /// The token is bound to another device.
    SerialMismatch,
    /// The tenant takes listed devices only, and this one is not on the list.
    NotPreEnrolled,
    /// The tenant's allocation is used up.
    AllocationExhausted,
    /// The device is a copy of another.
    DeviceCloned,
    /// The device was retired.
    DeviceRetired,
    /// The server knows no device of that id and key.
    DeviceUnknown,
    /// An admin has refused the request.
    Denied,
}

impl Refusal {
    /// The last part of the problem's `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenUnknown => "token-unknown",
            Self::TokenExpired => "token-expired",
            Self::TokenRevoked => "token-revoked",
            Self::TokenExhausted => "token-exhausted",
            Self::WrongProduct => "wrong-product",
            Self::WrongTenant => "wrong-tenant",
            Self::AgentTooOld => "agent-too-old",
            Self::SerialMismatch => "serial-mismatch",
            Self::NotPreEnrolled => "not-pre-enrolled",
            Self::AllocationExhausted => "allocation-exhausted",
            Self::DeviceCloned => "device-cloned",
            Self::DeviceRetired => "device-retired",
            Self::DeviceUnknown => "device-unknown",
            Self::Denied => "denied",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::DeviceCloned => 409,
            Self::DeviceRetired => 410,
            Self::DeviceUnknown => 404,
            _ => 403,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenUnknown => "the server knows no such token",
            Self::TokenExpired => "the token has expired",
            Self::TokenRevoked => "the token was revoked",
            Self::TokenExhausted => "the token has enrolled as many devices as it may",
            Self::WrongProduct => "the token is for another product",
            Self::WrongTenant => "the token is of another tenant than the device is pinned to",
            Self::AgentTooOld => "the token asks for a newer agent",
            Self::SerialMismatch => "the token is bound to another device",
            Self::NotPreEnrolled => "the device is not on the tenant's list",
            Self::AllocationExhausted => "the tenant's allocation is used up",
            Self::DeviceCloned => "the device's identity is in use on another device",
            Self::DeviceRetired => "the device was retired",
            Self::DeviceUnknown => "the server knows no device of that id and key",
            Self::Denied => "an admin has refused this device",
        })
    }
}
