//! Tags of one byte (X.690 §8.1.2), as far as they are met here.

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// OCTET STRING in pieces, which BER alone has.
pub(crate) const OCTET_STRING_IN_PIECES: u8 = 0x24;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;
/// `[0]`, primitive.
pub const CONTEXT_0_PRIMITIVE: u8 = 0x80;
/// `[0]`, constructed.
pub const CONTEXT_0: u8 = 0xA0;
/// `[1]`, constructed.
pub const CONTEXT_1: u8 = 0xA1;
/// `[2]`, constructed.
pub const CONTEXT_2: u8 = 0xA2;
/// `[3]`, constructed.
pub(crate) const CONTEXT_3: u8 = 0xA3;
