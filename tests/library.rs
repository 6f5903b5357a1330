//! The library's rules hold for whoever calls it: a token that the devices would not take cannot reach a stamp.

use std::sync::OnceLock;

use installer::claims::ClaimsError;
use installer::formats;
use stampwright::{AcceptedToken, Base, IssuerKeys, Token};

use crate::support::issuer::Issuer;
use crate::support::product::{Small, bases, build};

const NOW: u64 = 1_700_000_000;
const PRODUCT: &str = "Example Agent";

fn opaque() -> Token {
    Token::parse(b"enroll-3f9a.7c21~b8").unwrap()
}

fn issuer() -> Issuer {
    Issuer::new(7, "ours")
}

fn keys(issuer: &Issuer) -> IssuerKeys {
    IssuerKeys::parse(&issuer.jwks()).unwrap()
}

/// A base of every format with our issuer's keys in it.
fn keyed() -> &'static [Vec<u8>] {
    static KEYED: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    KEYED.get_or_init(|| {
        let small = Small::new();
        let product = small.product.clone().with_issuer_keys(issuer().jwks()).unwrap();
        let base = |format: &dyn installer::Format| {
            let agent = product.agents_for(format.kind().platform()).next().unwrap();
            build(format, &product, agent).unwrap()
        };
        formats::FORMATS.into_iter().map(base).collect()
    })
}

/// Opens a base of [`keyed`].
fn open(bytes: &[u8]) -> Base {
    Base::options().open_bytes(bytes.to_vec()).unwrap()
}

fn accepted(base: &Base, token: Token) -> AcceptedToken {
    base.accept(token, NOW).unwrap()
}

#[test]
fn what_devices_would_not_take_is_not_accepted() {
    let (ours, foreign) = (issuer(), Issuer::new(9, "ours"));
    let unknown = Issuer::new(9, "theirs");
    for bytes in keyed() {
        let base = open(bytes);
        let why = |token: Token| {
            let error = base.accept(token, NOW).expect_err("it was accepted");
            error.cause::<ClaimsError>().unwrap_or_else(|| panic!("{error}")).clone()
        };
        let kind = base.kind();
        assert!(matches!(why(opaque()), ClaimsError::NotSigned(_)), "{kind:?}");
        assert!(matches!(why(ours.token_for(PRODUCT, NOW)), ClaimsError::Expired { .. }), "{kind:?}");
        assert!(matches!(why(ours.token_for(PRODUCT, NOW + 3600)), ClaimsError::ExpiresSoon { .. }), "{kind:?}");
        assert!(matches!(why(ours.token_for("Other", NOW + 7200)), ClaimsError::OtherProduct { .. }), "{kind:?}");
        assert!(matches!(why(foreign.token_for(PRODUCT, NOW + 7200)), ClaimsError::Signature(_)), "{kind:?}");
        assert!(matches!(why(unknown.token_for(PRODUCT, NOW + 7200)), ClaimsError::UnknownKey { .. }), "{kind:?}");
        let good = accepted(&base, ours.token_for(PRODUCT, NOW + 7200));
        assert_eq!(good.claims().unwrap().tenant, "acme");
        base.stamp(&good).unwrap();
    }
}

#[test]
fn a_base_keeps_its_own_keys_whatever_the_caller_gives() {
    let foreign = Issuer::new(9, "theirs");
    for bytes in keyed() {
        let base = Base::options().issuer_keys(keys(&foreign)).open_bytes(bytes.clone()).unwrap();
        assert!(base.accept(foreign.token_for(PRODUCT, NOW + 7200), NOW).is_err());
    }
}

#[test]
fn what_one_base_has_accepted_is_nothing_to_another() {
    let plain: Vec<Base> = bases().iter().map(|base| Base::options().open_bytes(base.bytes.clone()).unwrap()).collect();
    let foreign = Issuer::new(9, "theirs");
    for bytes in keyed() {
        let base = open(bytes);
        for other in &plain {
            // Opaque, or signed by whomever: a base without keys takes it, and this one must not.
            for token in [opaque(), foreign.token_for(PRODUCT, NOW + 7200)] {
                let error = base.stamp(&accepted(other, token)).expect_err("it was stamped");
                assert!(error.to_string().contains("accepted for another base"), "{error}");
            }
        }
        let theirs = Base::options().issuer_keys(keys(&foreign)).open_bytes(bases()[0].bytes.clone()).unwrap();
        assert!(base.stamp(&accepted(&theirs, foreign.token_for(PRODUCT, NOW + 7200))).is_err());
        // The same keys and the same product, opened again: the same rule.
        base.stamp(&accepted(&open(bytes), issuer().token_for(PRODUCT, NOW + 7200))).unwrap();
    }
}

#[test]
fn etags_tell_stamps_apart_and_not_the_token() {
    for base in bases() {
        let known = Base::options().open_bytes(base.bytes.clone()).unwrap();
        let digest = known.sha256().unwrap();
        let given = Base::options().sha256(digest).open_bytes(base.bytes.clone()).unwrap();
        let stamp =
            |base: &Base, token: &str| base.stamp(&accepted(base, Token::parse(token.as_bytes()).unwrap())).unwrap();
        let (one, same, other) = (stamp(&known, "token-1"), stamp(&given, "token-1"), stamp(&known, "token-2"));
        assert_eq!(one.etag().unwrap(), same.etag().unwrap(), "{}", base.name());
        assert!(one.etag().unwrap() != other.etag().unwrap(), "{}", base.name());
        let mut whole = Vec::new();
        one.write_to(&mut whole).unwrap();
        assert_eq!(one.len(), whole.len() as u64);
        assert_eq!(one.receipt().unwrap().digest.sha256, installer::proof::hex(&one.sha256().unwrap()));
        for range in [0..one.len(), 1..1, 100..4096, one.len() - 1..one.len()] {
            let mut part = Vec::new();
            one.slice(range.clone()).unwrap().write_to(&mut part).unwrap();
            assert!(part == whole[range.start as usize..range.end as usize], "{}: {range:?}", base.name());
        }
        let beyond = one.len() + 1;
        assert!(one.slice(..beyond).is_err() && one.slice(beyond..).is_err());
    }
}

/// What a server keeps and hands to its threads.
#[test]
fn a_base_and_its_stamps_go_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Base>();
    shared::<AcceptedToken>();
    shared::<stampwright::Stamp>();
    shared::<stampwright::Slice>();
}
