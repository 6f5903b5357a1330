use proptest::prelude::*;

use super::*;
use crate::fingerprint::{Class, Fingerprint};

const NOW: u64 = 1_000_000;

fn fingerprint(values: &[(Kind, u8)]) -> Fingerprint {
    Fingerprint::new(
        Class::Physical,
        values.iter().map(|(kind, value)| Part { kind: *kind, hash: [*value; 16] }).collect(),
    )
}

fn laptop() -> Fingerprint {
    fingerprint(&[(Kind::SystemUuid, 1), (Kind::BoardSerial, 2), (Kind::SystemSerial, 3)])
}

fn token() -> Token {
    Token::new("tok", "acme", "Agent", NOW + 1)
}

fn request() -> Request {
    Request::new("key", "Agent", [1, 0, 0], laptop())
}

fn device(id: &str, key: &str) -> Device {
    Device {
        id: id.into(),
        tenant: "acme".into(),
        key: key.into(),
        enrolled: 0,
        confirmed: true,
        last_seen: Some(0),
        retired: false,
        offline: false,
        fingerprint: laptop(),
        generation: 1,
        generation_before: 0,
    }
}

fn refusal(policy: &Policy, request: &Request, token: &Token) -> Option<Refusal> {
    match decide(&Question::new(policy, request).with_token(token), NOW) {
        Decision::Refuse(refusal) => Some(refusal),
        _ => None,
    }
}

#[test]
fn each_fault_of_a_token_has_its_own_reason() {
    let policy = Policy::default();
    let of = |token: Token| refusal(&policy, &request(), &token);
    assert_eq!(of(token()), None);
    assert_eq!(of(Token { expires: NOW, ..token() }), Some(Refusal::TokenExpired));
    assert_eq!(of(Token { revoked: true, ..token() }), Some(Refusal::TokenRevoked));
    assert_eq!(of(Token { max_uses: Some(2), uses: 2, ..token() }), Some(Refusal::TokenExhausted));
    assert_eq!(of(Token { max_uses: Some(2), uses: 1, ..token() }), None);
    assert_eq!(of(Token { product: "Other".into(), ..token() }), Some(Refusal::WrongProduct));
    assert_eq!(of(Token { least_agent: Some([1, 0, 1]), ..token() }), Some(Refusal::AgentTooOld));
    assert_eq!(of(Token { serial: Some([9; 16]), ..token() }), Some(Refusal::SerialMismatch));
    assert_eq!(of(Token { serial: Some([3; 16]), ..token() }), None);
    let pinned = Request { expected_tenant: Some("other".into()), ..request() };
    assert_eq!(refusal(&policy, &pinned, &token()), Some(Refusal::WrongTenant));
    assert_eq!(decide(&Question::new(&policy, &request()), NOW), Decision::Refuse(Refusal::TokenUnknown));
}

#[test]
fn the_same_key_again_costs_no_use_and_needs_no_living_token() {
    let (policy, request, own) = (Policy::default(), request(), device("d", "key"));
    let spent = Token { max_uses: Some(1), uses: 1, revoked: true, expires: 0, ..token() };
    let question = Question::new(&policy, &request).with_token(&spent).with_owner_of_key(&own);
    assert_eq!(decide(&question, NOW), Decision::Known { device_id: "d".into() });
    let retired = Device { retired: true, ..own };
    let question = Question::new(&policy, &request).with_token(&spent).with_owner_of_key(&retired);
    assert_eq!(decide(&question, NOW), Decision::Refuse(Refusal::DeviceRetired));
}

#[test]
fn allocation_lists_and_approval() {
    let request = request();
    let token = token();
    let ask = |policy: &Policy, answer: Option<&Answer>, listed: bool| {
        let question = Question::new(policy, &request).with_token(&token).with_enrolled(2).listed(listed);
        decide(&question.with_answer(answer, NOW), NOW)
    };
    let full = Policy { allocation: Some(2), ..Policy::default() };
    assert_eq!(ask(&full, None, false), Decision::Refuse(Refusal::AllocationExhausted));
    let hold = Policy { exhausted: Exhausted::Hold, ..full };
    assert_eq!(ask(&hold, None, false), Decision::Pending(Pending::Allocation));
    let listed = Policy { pre_enrolled_only: true, ..Policy::default() };
    assert_eq!(ask(&listed, None, false), Decision::Refuse(Refusal::NotPreEnrolled));
    assert!(matches!(ask(&listed, None, true), Decision::Enroll { .. }));
    let approval = Policy { approval: true, ..Policy::default() };
    assert_eq!(ask(&approval, None, false), Decision::Pending(Pending::Approval));
    assert!(matches!(ask(&approval, Some(&Answer::Approve), false), Decision::Enroll { .. }));
    assert_eq!(ask(&approval, Some(&Answer::Deny), false), Decision::Refuse(Refusal::Denied));
}

#[test]
fn a_reinstalled_device_is_asked_about_and_an_online_one_is_not_offered() {
    let (policy, request, token, common) = (Policy::default(), request(), token(), BTreeSet::new());
    let old = [device("old", "old key")];
    let question = Question::new(&policy, &request).with_token(&token).with_candidates(&old, &common);
    let Decision::Pending(Pending::ReAssociation { device_id, matched }) = decide(&question, NOW) else {
        panic!("no prompt")
    };
    assert_eq!((device_id.as_str(), matched.unwrap().differing.len()), ("old", 0));
    let yes = Answer::Reassociate("old".into());
    let answered = question.clone().with_answer(Some(&yes), NOW);
    assert_eq!(decide(&answered, NOW), Decision::Rebind { device_id: "old".into() });
    assert_eq!(decide(&question.clone().with_answer(None, NOW - 86_400), NOW), Decision::Enroll { conflict: None });
    let online = [Device { last_seen: Some(NOW - 60), ..device("old", "old key") }];
    let question = Question::new(&policy, &request).with_token(&token).with_candidates(&online, &common);
    assert_eq!(decide(&question, NOW), Decision::Enroll { conflict: Some("old".into()) });
}

#[test]
fn the_old_key_needs_no_prompt_and_a_copy_gets_a_record_of_its_own() {
    let (policy, token, old) = (Policy::default(), token(), device("old", "old key"));
    let with =
        |proven, copied| Request { previous: Some(Previous { device_id: "old".into(), proven, copied }), ..request() };
    let ask = |policy: &Policy, request: &Request| {
        decide(&Question::new(policy, request).with_token(&token).with_previous(&old), NOW)
    };
    assert_eq!(ask(&policy, &with(true, false)), Decision::Rebind { device_id: "old".into() });
    assert_eq!(ask(&policy, &with(true, true)), Decision::Enroll { conflict: None });
    assert_eq!(ask(&policy, &with(false, false)), Decision::Enroll { conflict: None });
    let approve = Policy { clones: Clones::Approve, ..Policy::default() };
    assert_eq!(ask(&approve, &with(true, true)), Decision::Pending(Pending::Approval));
    let refuse = Policy { clones: Clones::Refuse, ..Policy::default() };
    assert_eq!(ask(&refuse, &with(true, true)), Decision::Refuse(Refusal::DeviceCloned));
    let listed = Policy { pre_enrolled_only: true, ..Policy::default() };
    assert_eq!(
        ask(&listed, &with(true, true)),
        Decision::Refuse(Refusal::NotPreEnrolled),
        "a copy is on the list or stays out"
    );
}

#[test]
fn a_token_for_a_replacement_asks_and_a_lost_record_waits_for_an_admin() {
    let (policy, request) = (Policy::default(), request());
    let replacing = Token { replaces: Some("broken".into()), ..token() };
    let question = Question::new(&policy, &request).with_token(&replacing);
    let asked = Pending::ReAssociation { device_id: "broken".into(), matched: None };
    assert_eq!(decide(&question, NOW), Decision::Pending(asked));
    let lost = Request {
        previous: Some(Previous { device_id: "gone".into(), proven: false, copied: false }),
        ..request.clone()
    };
    assert_eq!(decide(&Question::new(&policy, &lost), NOW), Decision::Pending(Pending::Approval));
}

#[test]
fn a_device_that_is_to_enroll_anew_needs_no_token() {
    let (policy, old) = (Policy::default(), device("old", "old key"));
    let ask = |proven, copied, old: &Device| {
        let previous = Some(Previous { device_id: "old".into(), proven, copied });
        decide(&Question::new(&policy, &Request { previous, ..request() }).with_previous(old), NOW)
    };
    assert_eq!(ask(true, false, &old), Decision::Rebind { device_id: "old".into() });
    let waits = Decision::Pending(Pending::Approval);
    assert_eq!(ask(false, false, &old), waits);
    assert_eq!(ask(true, true, &old), waits, "a copy");
    assert_eq!(ask(true, false, &Device { retired: true, ..old.clone() }), waits);
}

#[test]
fn a_pinned_device_gets_no_record_of_another_tenant() {
    let policy = Policy::default();
    let pinned = Request {
        expected_tenant: Some("other".into()),
        previous: Some(Previous { device_id: "gone".into(), proven: false, copied: false }),
        ..request()
    };
    let own = device("d", "key");
    let refused = Decision::Refuse(Refusal::WrongTenant);
    assert_eq!(decide(&Question::new(&policy, &pinned).with_owner_of_key(&own), NOW), refused);
    let approved = Question::new(&policy, &pinned).with_answer(Some(&Answer::Approve), NOW);
    assert_eq!(decide(&approved.clone().with_tenant(Some("acme")), NOW), refused);
    assert_eq!(decide(&approved.with_tenant(Some("other")), NOW), Decision::Enroll { conflict: None });
}

fn any_fingerprint() -> impl Strategy<Value = Fingerprint> {
    let part = (0..6_usize, 0..3_u8).prop_map(|(kind, value)| Part { kind: Kind::ALL[kind], hash: [value; 16] });
    let class = (0..4_usize).prop_map(|class| Class::ALL[class]);
    (class, proptest::collection::vec(part, 0..9)).prop_map(|(class, parts)| Fingerprint::new(class, parts))
}

prop_compose! {
    fn any_device()(id in 0..3_u8, tenant in 0..2_u8, key in 0..4_u8, last_seen in proptest::option::of(0..NOW),
                    retired: bool, fingerprint in any_fingerprint()) -> Device {
        Device { id: format!("d{id}"), tenant: format!("t{tenant}"), key: format!("k{key}"), last_seen, retired, fingerprint,
                 ..device("", "") }
    }
}

prop_compose! {
    fn any_token()(tenant in 0..2_u8, expires in NOW - 1..NOW + 2, revoked: bool, max_uses in proptest::option::of(0..2_u32),
                   approval: bool, replaces in proptest::option::of(0..3_u8)) -> Token {
        Token { tenant: format!("t{tenant}"), expires, revoked, max_uses, approval,
                replaces: replaces.map(|id| format!("d{id}")), ..token() }
    }
}

prop_compose! {
    fn any_request()(key in 0..4_u8, fingerprint in any_fingerprint(),
                     previous in proptest::option::of((0..3_u8, any::<bool>(), any::<bool>()))) -> Request {
        let previous = previous.map(|(id, proven, copied)| Previous { device_id: format!("d{id}"), proven, copied });
        Request { key: format!("k{key}"), previous, fingerprint, ..request() }
    }
}

prop_compose! {
    fn any_policy()(allocation in proptest::option::of(0..3_u32), hold: bool, pre_enrolled_only: bool, approval: bool,
                    clones in 0..3_usize) -> Policy {
        let exhausted = if hold { Exhausted::Hold } else { Exhausted::Refuse };
        let clones = [Clones::Allow, Clones::Approve, Clones::Refuse][clones];
        Policy { allocation, exhausted, pre_enrolled_only, approval, clones, ..Policy::default() }
    }
}

fn any_answer() -> impl Strategy<Value = Option<Answer>> {
    prop_oneof![
        Just(None),
        Just(Some(Answer::Approve)),
        Just(Some(Answer::Deny)),
        (0..3_u8).prop_map(|id| Some(Answer::Reassociate(format!("d{id}")))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// The law that everything else serves: no existing record is given away without its key or an admin's act.
    #[test]
    fn a_record_is_given_only_to_its_key_or_by_an_admin(
        policy in any_policy(), request in any_request(), token in proptest::option::of(any_token()),
        records in proptest::collection::vec(any_device(), 0..5), answer in any_answer(), listed: bool, asked in 0..NOW,
    ) {
        let common = BTreeSet::new();
        let by_key = records.iter().find(|record| record.key == request.key);
        let previous = request.previous.as_ref().and_then(|old| records.iter().find(|record| record.id == old.device_id));
        let mut question = Question::new(&policy, &request).with_candidates(&records, &common).listed(listed)
            .with_answer(answer.as_ref(), asked).with_enrolled(records.len() as u32);
        question.token = token.as_ref();
        question.by_key = by_key;
        question.previous = previous;
        let decision = decide(&question, NOW);
        match &decision {
            Decision::Known { device_id } => {
                let own = by_key.unwrap();
                prop_assert!(own.id == *device_id && own.key == request.key && !own.retired);
            }
            Decision::Rebind { device_id } => {
                let proven = request.previous.as_ref().is_some_and(|old| {
                    old.proven && !old.copied && old.device_id == *device_id
                        && previous.is_some_and(|record| token.as_ref().is_none_or(|token| record.tenant == token.tenant))
                });
                let told = answer == Some(Answer::Reassociate(device_id.clone()));
                prop_assert!(proven || told, "{decision:?}");
            }
            Decision::Enroll { .. } => {
                let living = token.as_ref().is_some_and(|token| !token.revoked && NOW < token.expires);
                prop_assert!(living || answer == Some(Answer::Approve), "a dead token enrolls");
            }
            Decision::Pending(_) | Decision::Refuse(_) => {}
        }
        prop_assert_eq!(decision, decide(&question, NOW));
    }

    /// The order of the records that a database returns does not change an answer.
    #[test]
    fn the_order_of_records_does_not_matter(
        request in any_request(), token in any_token(), mut records in proptest::collection::vec(any_device(), 0..5),
    ) {
        records.sort_by(|one, other| one.id.cmp(&other.id));
        records.dedup_by(|one, other| one.id == other.id);
        let (policy, common) = (Policy::default(), BTreeSet::new());
        let ask = |records: &[Device]| {
            decide(&Question::new(&policy, &request).with_token(&token).with_candidates(records, &common), NOW)
        };
        let forwards = ask(&records);
        records.reverse();
        prop_assert_eq!(forwards, ask(&records));
    }

    #[test]
    fn matching_is_symmetric(one in any_fingerprint(), other in any_fingerprint()) {
        let common = BTreeSet::new();
        prop_assert_eq!(compare(&one, &other, &common), compare(&other, &one, &common));
    }

    #[test]
    fn a_fingerprint_of_common_parts_matches_nothing(one in any_fingerprint(), other in any_fingerprint()) {
        let common: BTreeSet<Part> = one.parts().iter().copied().collect();
        prop_assert_eq!(compare(&one, &other, &common).verdict, Verdict::New);
        prop_assert_eq!(compare(&other, &one, &common).verdict, Verdict::New);
    }
}
