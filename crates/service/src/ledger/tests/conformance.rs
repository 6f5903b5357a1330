//! What the ledger promises, on every database.

use super::super::{
    Added, Begun, Claimed, Filter, Ledger, LedgerError, LinkRefusal, Once, Origin, Outcome, PageSession, Resumed,
    SealedBytes, SessionProof, StampBegun, StampEnd, TokenRecord, TokenStatus,
};
use super::samples::{DAY, NOW, api_key, begin, installer, link, page, sealed, session, stamp, token};

/// Each of these functions as a test on each database.
macro_rules! on_every_database {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $case() { super::super::faults::on_sqlite(super::$case); })*
        }
        mod postgres {
            $(#[test] fn $case() { super::super::postgres::on_postgres(super::$case); })*
        }
    };
}

on_every_database!(
    keys_are_found_by_id_and_revoked_once,
    the_first_key_is_the_first,
    page_sessions_end,
    a_token_comes_back_as_it_was,
    tokens_are_listed_newest_first_and_by_page,
    a_device_counts_once_and_no_more_devices_than_may,
    a_revoked_token_is_gone_everywhere,
    a_stamp_has_a_row_before_its_first_byte_and_an_end,
    tokens_from_elsewhere_are_known_after_their_first_stamp,
    stamps_are_found_by_token_tenant_and_time,
    the_same_request_gets_the_same_answer,
    a_one_time_link_is_used_once,
    ranges_are_free_within_a_session,
    a_broken_start_gives_the_use_back,
    parts_of_one_installer_do_not_add_up,
    a_link_that_only_resumes_has_no_use,
    a_whole_download_gives_no_use_back,
    an_opaque_token_is_one_tenants,
    a_nul_in_a_text_is_refused_and_harms_no_other,
    what_is_over_is_forgotten,
    thirty_two_at_once_use_a_link_as_often_as_it_may,
);

async fn keys_are_found_by_id_and_revoked_once(ledger: Ledger) {
    let key = api_key("k1");
    assert!(ledger.add_api_key(key.clone()).await.unwrap());
    assert!(!ledger.add_api_key(api_key("k1")).await.unwrap());
    assert_eq!(ledger.api_key("k1").await.unwrap(), Some(key.clone()));
    assert_eq!(ledger.api_key("k2").await.unwrap(), None);
    assert!(ledger.revoke_api_key("k1", NOW + 5).await.unwrap());
    assert!(ledger.revoke_api_key("k1", NOW + 9).await.unwrap());
    assert!(!ledger.revoke_api_key("k2", NOW).await.unwrap());
    assert_eq!(ledger.api_keys().await.unwrap(), [super::super::ApiKeyRow { revoked: Some(NOW + 5), ..key }]);
}

async fn the_first_key_is_the_first(ledger: Ledger) {
    assert!(ledger.add_first_api_key(api_key("k1")).await.unwrap());
    assert!(!ledger.add_first_api_key(api_key("k2")).await.unwrap());
    ledger.revoke_api_key("k1", NOW).await.unwrap();
    assert!(!ledger.add_first_api_key(api_key("k3")).await.unwrap(), "a revoked key is a key");
    assert_eq!(ledger.api_keys().await.unwrap().len(), 1);
}

async fn page_sessions_end(ledger: Ledger) {
    let session = |n: u8| PageSession { hash: [n; 32], api_key: "k1".to_owned(), opened: NOW, expires: NOW + 60 };
    ledger.add_api_key(api_key("k1")).await.unwrap();
    for n in 1..=3 {
        ledger.open_page_session(session(n)).await.unwrap();
    }
    assert_eq!(ledger.page_session([1; 32], NOW + 59).await.unwrap(), Some(session(1)));
    assert_eq!(ledger.page_session([1; 32], NOW + 60).await.unwrap(), None);
    assert_eq!(ledger.page_session([9; 32], NOW).await.unwrap(), None);
    ledger.close_page_session([1; 32]).await.unwrap();
    assert_eq!(ledger.page_session([1; 32], NOW).await.unwrap(), None);
    ledger.revoke_api_key("k1", NOW).await.unwrap();
    assert_eq!(ledger.page_session([2; 32], NOW).await.unwrap(), None, "a revoked key has no session");
}

async fn a_token_comes_back_as_it_was(ledger: Ledger) {
    assert_eq!(ledger.add_token(token("t1"), sealed(), None).await.unwrap(), Added::New);
    assert!(ledger.add_token(token("t1"), sealed(), None).await.is_err(), "an id is one token's");
    let row = ledger.token("t1").await.unwrap().unwrap();
    assert_eq!((row.record.clone(), row.used, row.revoked, row.installers), (token("t1"), 0, None, 0));
    assert!(row.is_kept);
    assert_eq!(ledger.sealed_token("t1").await.unwrap(), Some(sealed()));
    assert_eq!(ledger.token("t2").await.unwrap(), None);
    assert_eq!(row.status(NOW), TokenStatus::Valid);
    assert_eq!(row.status(NOW + 30 * DAY), TokenStatus::Expired);
}

async fn tokens_are_listed_newest_first_and_by_page(ledger: Ledger) {
    for n in 0..5_u64 {
        let record = TokenRecord { created: NOW + n / 2, ..token(&format!("t{n}")) };
        let other = if n == 4 { Some("other".to_owned()) } else { record.tenant.clone() };
        ledger.add_token(TokenRecord { tenant: other, ..record }, sealed(), None).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut filter = page(2);
    loop {
        let page = ledger.tokens(filter.clone()).await.unwrap();
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows.into_iter().map(|row| row.record.id));
        if page.next.is_none() {
            break;
        }
        filter.after = page.next;
    }
    assert_eq!(seen, ["t4", "t3", "t2", "t1", "t0"]);
    let of = |filter: Filter| async { ledger.tokens(filter).await.unwrap().rows.len() };
    assert_eq!(of(Filter { tenant: Some("acme".to_owned()), ..page(9) }).await, 4);
    assert_eq!(of(Filter { since: Some(NOW + 1), ..page(9) }).await, 3);
    assert_eq!(of(Filter { after: Some("nonsense".to_owned()), ..page(9) }).await, 0);
}

async fn a_device_counts_once_and_no_more_devices_than_may(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    let report = |device: &'static str| {
        let ledger = ledger.clone();
        async move {
            let report = ledger.report_use("t1", device, NOW).await.unwrap().unwrap();
            (report.accepted, report.is_new, report.status, report.used)
        }
    };
    assert_eq!(report("a").await, (true, true, TokenStatus::Valid, 1));
    assert_eq!(report("a").await, (true, false, TokenStatus::Valid, 1));
    assert!(ledger.sealed_token("t1").await.unwrap().is_some());
    assert_eq!(report("b").await, (true, true, TokenStatus::UsedUp, 2));
    assert_eq!(report("c").await, (false, false, TokenStatus::UsedUp, 2));
    assert_eq!(
        report("a").await,
        (true, false, TokenStatus::UsedUp, 2),
        "a report that is repeated is no other device"
    );
    assert_eq!(ledger.sealed_token("t1").await.unwrap(), None, "it can no longer be used");
    assert_eq!(ledger.link([1; 32], NOW).await.unwrap().unwrap().sealed, None);
    ledger.revoke_token("t1", NOW).await.unwrap();
    assert_eq!(report("a").await, (false, false, TokenStatus::Revoked, 2));
    assert_eq!(ledger.report_use("t2", "a", NOW).await.unwrap(), None);
}

async fn a_revoked_token_is_gone_everywhere(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    assert_eq!(ledger.add_link(link(1, 5, "t1"), None).await.unwrap(), Added::New);
    let claimed = ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap();
    assert!(matches!(claimed, Claimed::Open(_)));
    assert!(ledger.revoke_token("t1", NOW).await.unwrap());
    assert!(!ledger.revoke_token("t9", NOW).await.unwrap());

    let revoked = LinkRefusal::Token(TokenStatus::Revoked);
    let begun = ledger.begin_stamp(stamp("t1"), None).await.unwrap();
    assert_eq!(begun, StampBegun::Begun(Begun::Refused(TokenStatus::Revoked)));
    assert_eq!(ledger.add_link(link(2, 1, "t1"), None).await.unwrap(), Added::Refused(TokenStatus::Revoked));
    let claimed = ledger.claim_link([1; 32], session(2), stamp("t1")).await.unwrap();
    assert_eq!(claimed, Claimed::Refused(revoked));
    let resumed = ledger.resume_session([1; 32], SessionProof::Cookie([1; 32]), NOW).await.unwrap();
    assert_eq!(resumed, Resumed::Refused(revoked));
    let row = ledger.link([1; 32], NOW).await.unwrap().unwrap();
    assert_eq!((row.sealed.clone(), row.refusal(NOW)), (None, Some(revoked)));
    assert_eq!(ledger.sealed_token("t1").await.unwrap(), None);
    assert_eq!(ledger.token("t1").await.unwrap().unwrap().revoked, Some(NOW));
}

async fn a_stamp_has_a_row_before_its_first_byte_and_an_end(ledger: Ledger) {
    let id = begin(&ledger, stamp("t1")).await;
    let row = ledger.stamp(id).await.unwrap().unwrap();
    assert_eq!((row.outcome, row.bytes, row.ended), (Outcome::Started, 0, None));
    assert_eq!((row.installer, row.token.as_str(), row.fingerprint.as_str()), (installer(), "t1", "fp-t1"));
    let end = StampEnd { at: NOW + 9, outcome: Outcome::ClientGone, sent: 70_000, reached: 70_000 };
    assert!(!ledger.end_stamp(id, end).await.unwrap());
    let row = ledger.stamp(id).await.unwrap().unwrap();
    assert_eq!((row.outcome, row.bytes, row.ended), (Outcome::ClientGone, 70_000, Some(NOW + 9)));
}

async fn tokens_from_elsewhere_are_known_after_their_first_stamp(ledger: Ledger) {
    let seen = TokenRecord { origin: Origin::Seen, uses: None, expires: None, tenant: None, ..token("opaque-1") };
    begin(&ledger, super::super::NewStamp { token: seen.clone(), ..stamp("t") }).await;
    let row = ledger.token("opaque-1").await.unwrap().unwrap();
    assert_eq!((row.record, row.installers, row.is_kept), (seen.clone(), 1, false));
    // Another token that says it has the same id is not that token.
    let other = TokenRecord { fingerprint: "other".to_owned(), ..seen };
    let stamp = super::super::NewStamp { token: other, ..stamp("t") };
    assert_eq!(ledger.begin_stamp(stamp, None).await.unwrap(), StampBegun::Begun(Begun::OtherToken));
    ledger.revoke_token("opaque-1", NOW).await.unwrap();
    assert_eq!(ledger.token("opaque-1").await.unwrap().unwrap().status(NOW), TokenStatus::Revoked);
}

async fn stamps_are_found_by_token_tenant_and_time(ledger: Ledger) {
    let mut ids = Vec::new();
    for n in 0..5_u64 {
        let mut stamp = stamp(if n < 3 { "t1" } else { "t2" });
        stamp.at = NOW + n;
        stamp.tenant = (n != 0).then(|| "acme".to_owned());
        ids.push(begin(&ledger, stamp).await);
    }
    ids.reverse();
    let found = |filter: Filter| {
        let ledger = ledger.clone();
        async move {
            let page = ledger.stamps(filter).await.unwrap();
            (page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), page.next)
        }
    };
    assert_eq!(found(page(5)).await, (ids.clone(), None));
    let (first, next) = found(page(3)).await;
    assert_eq!(first, ids[..3]);
    assert_eq!(found(Filter { after: next, ..page(3) }).await, (ids[3..].to_vec(), None));
    assert_eq!(found(Filter { token: Some("t2".to_owned()), ..page(9) }).await.0, ids[..2]);
    assert_eq!(found(Filter { tenant: Some("acme".to_owned()), ..page(9) }).await.0, ids[..4]);
    assert_eq!(found(Filter { since: Some(NOW + 3), token: Some("t2".to_owned()), ..page(9) }).await.0, ids[..2]);
    assert_eq!(found(Filter { link: Some("x".to_owned()), ..page(9) }).await.0, []);
}

async fn the_same_request_gets_the_same_answer(ledger: Ledger) {
    let once = |name: &str, request: u8, response: u8| {
        let (name, response) = (name.to_owned(), SealedBytes(vec![response]));
        Some(Once { by_key: "k1".to_owned(), name, request: [request; 32], response, expires: NOW + DAY })
    };
    assert_eq!(ledger.answered("k1", "a", [1; 32], NOW).await.unwrap(), Added::New);
    assert_eq!(ledger.add_token(token("t1"), sealed(), once("a", 1, 1)).await.unwrap(), Added::New);
    let before = Added::Before(SealedBytes(vec![1]));
    assert_eq!(ledger.answered("k1", "a", [1; 32], NOW).await.unwrap(), before);
    assert_eq!(ledger.answered("k2", "a", [1; 32], NOW).await.unwrap(), Added::New, "names are apart for each key");
    assert_eq!(ledger.add_token(token("t2"), sealed(), once("a", 1, 2)).await.unwrap(), before);
    assert_eq!(ledger.add_token(token("t2"), sealed(), once("a", 9, 2)).await.unwrap(), Added::OtherRequest);
    assert_eq!(ledger.token("t2").await.unwrap(), None, "nothing was changed");

    let first = ledger.begin_stamp(stamp("t1"), once("b", 1, 0)).await.unwrap();
    let StampBegun::Begun(Begun::Started(id)) = first else { panic!("{first:?}") };
    assert_eq!(ledger.begin_stamp(stamp("t1"), once("b", 1, 0)).await.unwrap(), StampBegun::Again(id));
    assert_eq!(ledger.begin_stamp(stamp("t1"), once("b", 2, 0)).await.unwrap(), StampBegun::OtherRequest);
    assert_eq!(ledger.stamps(page(9)).await.unwrap().rows.len(), 1);

    assert_eq!(ledger.add_link(link(1, 1, "t1"), once("c", 1, 3)).await.unwrap(), Added::New);
    let again = ledger.add_link(link(2, 1, "t1"), once("c", 1, 4)).await.unwrap();
    assert_eq!(again, Added::Before(SealedBytes(vec![3])));
    assert_eq!(ledger.links(page(9), NOW).await.unwrap().rows.len(), 1);

    // A day later the name is free.
    let mut late = token("t3");
    late.created = NOW + DAY;
    assert_eq!(ledger.add_token(late, sealed(), once("a", 5, 5)).await.unwrap(), Added::New);
}

async fn a_one_time_link_is_used_once(ledger: Ledger) {
    assert_eq!(ledger.add_link(link(1, 1, "t1"), None).await.unwrap(), Added::New);
    let row = ledger.link([1; 32], NOW).await.unwrap().unwrap();
    assert_eq!((row.uses, row.uses_left, row.sealed.clone()), (1, 1, Some(sealed())));
    assert_eq!(ledger.link_by_id("link-1", NOW).await.unwrap(), Some(row.clone()));
    assert_eq!((row.refusal(NOW), row.refusal(NOW + DAY)), (None, Some(LinkRefusal::Expired)));

    let mut late = stamp("t1");
    late.at = NOW + DAY;
    let claim = |secret: u8, session_: u8, stamp| ledger.claim_link([secret; 32], session(session_), stamp);
    assert_eq!(claim(1, 1, late).await.unwrap(), Claimed::Refused(LinkRefusal::Expired));
    assert_eq!(claim(9, 1, stamp("t1")).await.unwrap(), Claimed::Refused(LinkRefusal::Unknown));
    let Claimed::Open(id) = claim(1, 1, stamp("t1")).await.unwrap() else { panic!("it was refused") };
    assert_eq!(ledger.stamp(id).await.unwrap().unwrap().link.as_deref(), Some("link-1"));
    assert_eq!(claim(1, 2, stamp("t1")).await.unwrap(), Claimed::Refused(LinkRefusal::UsedUp));

    ledger.add_link(link(2, 7, "t1"), None).await.unwrap();
    assert!(ledger.revoke_link("link-2", NOW).await.unwrap());
    assert!(!ledger.revoke_link("link-9", NOW).await.unwrap());
    assert_eq!(claim(2, 3, stamp("t1")).await.unwrap(), Claimed::Refused(LinkRefusal::Revoked));
    assert_eq!(ledger.link([2; 32], NOW).await.unwrap().unwrap().sealed, None);
}

async fn ranges_are_free_within_a_session(ledger: Ledger) {
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    let Claimed::Open(id) = ledger.claim_link([1; 32], session(5), stamp("t1")).await.unwrap() else { panic!() };
    let resume = |proof: SessionProof, now: u64| ledger.resume_session([1; 32], proof, now);
    let etag = || SessionProof::Etag(installer().etag);
    assert_eq!(resume(SessionProof::Cookie([5; 32]), NOW + 599).await.unwrap(), Resumed::Open(id));
    assert_eq!(resume(etag(), NOW + 599).await.unwrap(), Resumed::Open(id));
    assert_eq!(resume(SessionProof::Cookie([6; 32]), NOW).await.unwrap(), Resumed::NoSession);
    assert_eq!(resume(SessionProof::Etag("\"x\"".to_owned()), NOW).await.unwrap(), Resumed::NoSession);
    assert_eq!(resume(etag(), NOW + 600).await.unwrap(), Resumed::NoSession);
    let elsewhere = ledger.resume_session([2; 32], etag(), NOW).await.unwrap();
    assert_eq!(elsewhere, Resumed::Refused(LinkRefusal::Unknown));

    // Three responses, one row.
    for (outcome, sent, reached) in
        [(Outcome::ClientGone, 100_000, 100_000), (Outcome::Done, 900_000, 1_000_000), (Outcome::ClientGone, 5, 5)]
    {
        assert!(!ledger.end_stamp(id, StampEnd { at: NOW, outcome, sent, reached }).await.unwrap());
    }
    let row = ledger.stamp(id).await.unwrap().unwrap();
    assert_eq!((row.outcome, row.bytes), (Outcome::Done, 1_000_005));
    assert_eq!(ledger.link([1; 32], NOW).await.unwrap().unwrap().uses_left, 0);
}

async fn a_broken_start_gives_the_use_back(ledger: Ledger) {
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    let gone = StampEnd { at: NOW, outcome: Outcome::ClientGone, sent: 60_000, reached: 60_000 };
    for time in 1..=crate::ledger::stamps::MAX_GIVEN_BACK {
        let claimed = ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap();
        let Claimed::Open(id) = claimed else { panic!("{claimed:?}") };
        // As long as another response runs, nothing is given back.
        let proof = || SessionProof::Cookie([1; 32]);
        assert_eq!(ledger.resume_session([1; 32], proof(), NOW).await.unwrap(), Resumed::Open(id));
        assert!(!ledger.end_stamp(id, gone).await.unwrap());
        assert!(ledger.end_stamp(id, gone).await.unwrap());
        assert_eq!(ledger.resume_session([1; 32], proof(), NOW).await.unwrap(), Resumed::NoSession);
        let row = ledger.link([1; 32], NOW).await.unwrap().unwrap();
        assert_eq!((row.uses_left, row.given_back), (1, time));
    }
    let Claimed::Open(id) = ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap() else { panic!() };
    assert!(!ledger.end_stamp(id, gone).await.unwrap(), "three times is enough");
    assert_eq!(ledger.link([1; 32], NOW).await.unwrap().unwrap().uses_left, 0);
    let resumed = ledger.resume_session([1; 32], SessionProof::Cookie([1; 32]), NOW).await.unwrap();
    assert_eq!(resumed, Resumed::Open(id), "a use that was not given back can be resumed");
}

async fn parts_of_one_installer_do_not_add_up(ledger: Ledger) {
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    let Claimed::Open(id) = ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap() else { panic!() };
    let end = StampEnd { at: NOW, outcome: Outcome::ClientGone, sent: 10, reached: 500_000 };
    assert!(!ledger.end_stamp(id, end).await.unwrap());
    assert_eq!(ledger.link([1; 32], NOW).await.unwrap().unwrap().uses_left, 0);
}

async fn a_link_that_only_resumes_has_no_use(ledger: Ledger) {
    let claimed = ledger.begin_resumable(link(1, 1, "t1"), session(1), stamp("t1")).await.unwrap();
    let Claimed::Open(id) = claimed else { panic!("{claimed:?}") };
    let refused = ledger.claim_link([1; 32], session(2), stamp("t1")).await.unwrap();
    assert_eq!(refused, Claimed::Refused(LinkRefusal::UsedUp));
    let gone = StampEnd { at: NOW, outcome: Outcome::ClientGone, sent: 1, reached: 1 };
    assert!(!ledger.end_stamp(id, gone).await.unwrap());
    let proof = SessionProof::Etag(installer().etag);
    assert_eq!(ledger.resume_session([1; 32], proof.clone(), NOW).await.unwrap(), Resumed::Open(id));
    // No list shows it, and it goes with its session.
    assert_eq!(ledger.links(page(9), NOW).await.unwrap().rows, []);
    assert_eq!(ledger.stamp(id).await.unwrap().unwrap().link, None);
    assert!(ledger.has_session([1; 32], proof.clone(), NOW).await.unwrap());
    ledger.sweep(NOW + DAY - 1).await.unwrap();
    assert!(ledger.link([1; 32], NOW).await.unwrap().is_some());
    assert!(!ledger.has_session([1; 32], proof, NOW).await.unwrap());
    ledger.sweep(NOW + DAY).await.unwrap();
    assert!(ledger.link([1; 32], NOW).await.unwrap().is_none());
}

async fn a_whole_download_gives_no_use_back(ledger: Ledger) {
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    let Claimed::Open(id) = ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap() else { panic!() };
    // An installer that is shorter than a start, and then a request that gets nothing of it.
    for (outcome, sent) in [(Outcome::Done, 1000), (Outcome::ClientGone, 0)] {
        assert!(!ledger.end_stamp(id, StampEnd { at: NOW, outcome, sent, reached: sent }).await.unwrap());
    }
    assert_eq!(ledger.link([1; 32], NOW).await.unwrap().unwrap().uses_left, 0);
}

async fn an_opaque_token_is_one_tenants(ledger: Ledger) {
    let of = |tenant: Option<&str>| {
        let mut stamp = stamp("t");
        stamp.token.id = "opaque-1".to_owned();
        stamp.token.tenant = tenant.map(str::to_owned);
        stamp
    };
    begin(&ledger, of(Some("acme"))).await;
    begin(&ledger, of(None)).await;
    let refused = ledger.begin_stamp(of(Some("other")), None).await.unwrap();
    assert_eq!(refused, StampBegun::Begun(Begun::OtherToken));
    let link = super::super::NewLink { token: of(Some("other")).token, ..link(1, 1, "t") };
    assert_eq!(ledger.add_link(link, None).await.unwrap(), Added::OtherToken);
}

async fn a_nul_in_a_text_is_refused_and_harms_no_other(ledger: Ledger) {
    let mut wrong = stamp("t1");
    wrong.token.tenant = Some("a\0b".to_owned());
    assert_eq!(ledger.begin_stamp(wrong, None).await.unwrap_err(), LedgerError::Nul);
    assert_eq!(ledger.token("a\0b").await.unwrap_err(), LedgerError::Nul);
    let filter = Filter { tenant: Some("a\0b".to_owned()), ..page(9) };
    assert_eq!(ledger.stamps(filter).await.unwrap_err(), LedgerError::Nul);
    begin(&ledger, stamp("t1")).await;
}

async fn what_is_over_is_forgotten(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    ledger.add_link(link(1, 1, "t1"), None).await.unwrap();
    ledger.add_link(link(2, 2, "t1"), None).await.unwrap();
    ledger.claim_link([1; 32], session(1), stamp("t1")).await.unwrap();
    ledger.claim_link([2; 32], session(2), stamp("t1")).await.unwrap();
    let kept = |n: u8| {
        let ledger = ledger.clone();
        async move { ledger.link([n; 32], NOW).await.unwrap().unwrap().sealed.is_some() }
    };
    assert_eq!(ledger.sweep(NOW + 599).await.unwrap(), 0);
    assert_eq!((kept(1).await, kept(2).await), (true, true));
    assert_eq!(ledger.sweep(NOW + 600).await.unwrap(), 1, "used up, and its session is over");
    assert_eq!((kept(1).await, kept(2).await), (false, true));
    assert_eq!(ledger.sweep(NOW + DAY).await.unwrap(), 1, "expired");
    assert!(ledger.sealed_token("t1").await.unwrap().is_some());
    assert_eq!(ledger.sweep(NOW + 30 * DAY).await.unwrap(), 1, "the token itself expired");
    assert!(ledger.sealed_token("t1").await.unwrap().is_none());
    assert_eq!(ledger.stamps(page(9)).await.unwrap().rows.len(), 2, "the rows stay");
}

async fn thirty_two_at_once_use_a_link_as_often_as_it_may(ledger: Ledger) {
    ledger.add_link(link(1, 10, "t1"), None).await.unwrap();
    let claims: Vec<_> = (0..32)
        .map(|n| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.claim_link([1; 32], session(n), stamp("t1")).await.unwrap() })
        })
        .collect();
    let mut open = 0;
    for claim in claims {
        match claim.await.unwrap() {
            Claimed::Open(_) => open += 1,
            refused => assert_eq!(refused, Claimed::Refused(LinkRefusal::UsedUp)),
        }
    }
    assert_eq!(open, 10);
    assert_eq!(ledger.stamps(page(99)).await.unwrap().rows.len(), 10);
}
