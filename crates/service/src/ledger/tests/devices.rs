//! What the ledger promises of devices, on every database.

use enrollment::{Class, Fingerprint, Kind, Part, Policy, Refusal, Request};

use super::super::devices::CheckedIn;
use super::super::{AdminAnswer, Asked, DeviceRecord, Enrolled, Filter, Ledger, TokenRecord};
use super::samples::{NOW, sealed, token};

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
    devices_enroll_check_in_and_merge,
    answers_are_of_one_tenant,
    requests_without_a_tenant_have_an_end,
    lists_have_pages,
    what_a_device_sends_has_an_end,
    two_products_on_a_device_are_two_records,
);

fn all() -> Filter {
    Filter { rows: Filter::MAX_ROWS, ..Filter::default() }
}

fn of(tenant: &str) -> Filter {
    Filter { tenant: Some(tenant.to_owned()), ..all() }
}

fn print(serial: u8) -> Fingerprint {
    let part = |kind| Part { kind, hash: [serial; 16] };
    Fingerprint::new(Class::Physical, vec![part(Kind::SystemSerial), part(Kind::BoardSerial)])
}

fn asked(key: &str, id: &str, serial: u8) -> Asked {
    Asked {
        request: Request::new(key, "Agent", [1, 2, 3], print(serial)),
        public_key: format!("public {key}"),
        token: Some("t1".to_owned()),
        token_serial: None,
        least_agent: None,
        listed_as: Vec::new(),
        tenant: Some("acme".to_owned()),
        host_name: "desk".to_owned(),
        os: "linux x86_64".to_owned(),
        agent: "1.2.3".to_owned(),
        policy: Policy::default(),
        new_id: id.to_owned(),
        offline: false,
    }
}

fn id(enrolled: &Enrolled) -> (&str, bool) {
    match enrolled {
        Enrolled::Device { row, is_new } => (&row.device.id, *is_new),
        other => panic!("{other:?}"),
    }
}

fn back_to(id: &str) -> AdminAnswer {
    AdminAnswer { answer: "re-associate".to_owned(), device_id: Some(id.to_owned()), tenant: None }
}

fn approved(tenant: Option<&str>) -> AdminAnswer {
    AdminAnswer { answer: "approve".to_owned(), device_id: None, tenant: tenant.map(str::to_owned) }
}

/// A request of a device whose record is gone.
fn lost(key: &str) -> Asked {
    let mut lost = asked(key, &format!("d{key}"), 9);
    (lost.token, lost.tenant) = (None, None);
    lost.request.previous = Some(enrollment::Previous { device_id: "gone".to_owned(), proven: false, copied: false });
    lost
}

async fn answers_are_of_one_tenant(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    let other = TokenRecord { id: "t2".to_owned(), tenant: Some("other".to_owned()), ..token("t2") };
    ledger.add_token(other, sealed(), None).await.unwrap();
    let mut acme = asked("k1", "d1", 1);
    acme.policy.approval = true;
    let of_other = Asked { token: Some("t2".to_owned()), tenant: Some("other".to_owned()), ..acme.clone() };
    let waits = Enrolled::Pending("approval");
    // The other tenant's admin approves the key; with a token of acme it waits as before, and acme's admin sees it.
    assert_eq!(ledger.enroll(of_other.clone(), NOW).await.unwrap(), waits);
    assert!(ledger.answer_device("k1", Some("other".to_owned()), approved(None)).await.unwrap());
    assert_eq!(ledger.enroll(acme.clone(), NOW + 1).await.unwrap(), waits);
    let row = ledger.waiting_device("k1").await.unwrap().unwrap();
    assert_eq!((row.tenant.as_deref(), row.answer, row.first_asked), (Some("acme"), None, NOW + 1));
    assert!(ledger.waiting_devices(of("other")).await.unwrap().rows.is_empty());
    assert!(!ledger.answer_device("k1", Some("other".to_owned()), approved(None)).await.unwrap());
    assert!(ledger.answer_device("k1", Some("acme".to_owned()), approved(None)).await.unwrap());
    assert_eq!(ledger.enroll(of_other, NOW + 2).await.unwrap(), waits);
    assert_eq!(ledger.enroll(acme, NOW + 3).await.unwrap(), waits);
}

async fn requests_without_a_tenant_have_an_end(ledger: Ledger) {
    let waits = Enrolled::Pending("approval");
    for n in 0..1000 {
        assert_eq!(ledger.enroll(lost(&format!("k{n}")), NOW).await.unwrap(), waits, "{n}");
    }
    assert_eq!(ledger.enroll(lost("last"), NOW).await.unwrap(), Enrolled::Full);
    assert_eq!(ledger.enroll(lost("k7"), NOW).await.unwrap(), waits, "one that waits goes on waiting");
    assert!(ledger.answer_device("k7", None, approved(Some("acme"))).await.unwrap());
    assert_eq!(ledger.granted_tenant("k7").await.unwrap().as_deref(), Some("acme"));
    let Enrolled::Device { row, .. } = ledger.enroll(lost("k7"), NOW + 1).await.unwrap() else { panic!("enrolled") };
    assert_eq!((row.device.tenant.as_str(), row.device.key.as_str()), ("acme", "k7"));
    ledger.sweep(NOW + 30 * 86_400 - 1).await.unwrap();
    assert_eq!(ledger.waiting_devices(all()).await.unwrap().rows.len(), 999);
    ledger.sweep(NOW + 30 * 86_400).await.unwrap();
    assert!(ledger.waiting_devices(all()).await.unwrap().rows.is_empty());
}

async fn devices_enroll_check_in_and_merge(ledger: Ledger) {
    // The sample may be used by two devices.
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    let first = ledger.enroll(asked("k1", "d1", 1), NOW).await.unwrap();
    assert_eq!(id(&first), ("d1", true));
    let again = ledger.enroll(asked("k1", "d2", 1), NOW + 1).await.unwrap();
    assert_eq!(id(&again), ("d1", false));
    assert!(ledger.confirm_device("d1", "k1").await.unwrap() && !ledger.confirm_device("d1", "k9").await.unwrap());

    // The same hardware with another key, while the first is there: a record of its own, and an event.
    ledger.check_in("d1", 1, print(1), "1.2.4", NOW + 2).await.unwrap().unwrap();
    let other = ledger.enroll(asked("k2", "d2", 1), NOW + 3).await.unwrap();
    assert_eq!(id(&other), ("d2", true));
    let full = ledger.enroll(asked("k3", "d3", 3), NOW + 4).await.unwrap();
    assert_eq!(full, Enrolled::Refused(Refusal::TokenExhausted));
    assert_eq!(ledger.token("t1").await.unwrap().unwrap().used, 2);

    assert!(ledger.command_device("d1", "enroll-anew").await.unwrap());
    let taken = ledger.check_in("d1", 2, print(1), "1.2.4", NOW + 5).await.unwrap();
    assert_eq!(taken, Ok(CheckedIn { generation: 3, command: Some("enroll-anew".to_owned()) }));
    let taken = ledger.check_in("d1", 3, print(1), "1.2.4", NOW + 6).await.unwrap();
    assert_eq!(taken, Ok(CheckedIn { generation: 4, command: None }));
    assert_eq!(ledger.check_in("d1", 1, print(1), "1.2.4", NOW + 7).await.unwrap(), Err(Refusal::DeviceCloned));
    assert_eq!(ledger.check_in("d9", 1, print(1), "1.2.4", NOW).await.unwrap(), Err(Refusal::DeviceUnknown));

    let record = |seq| DeviceRecord { epoch: "0a".to_owned(), seq, time: NOW, body: "aGk=".to_owned() };
    for _ in 0..2 {
        ledger.take_records("d2", "telemetry", vec![record(1), record(2)], NOW).await.unwrap();
    }
    assert_eq!(ledger.merge_devices("d2", "d1", NOW + 8).await.unwrap().as_deref(), Some("d1"));
    assert_eq!(ledger.merge_devices("d1", "d1", NOW).await.unwrap(), None);
    let list = ledger.devices(of("acme")).await.unwrap().rows;
    assert_eq!(list.iter().map(|row| row.device.id.as_str()).collect::<Vec<_>>(), ["d1"]);
    assert_eq!((list[0].agent.as_str(), list[0].device.fingerprint.clone()), ("1.2.4", print(1)));
    assert!(ledger.devices(of("other")).await.unwrap().rows.is_empty());
    assert!(ledger.retire_device("d1", NOW + 9).await.unwrap() && !ledger.retire_device("d9", NOW).await.unwrap());

    // A device that has no token any more waits, and an admin gives it a record that is there.
    let mut back = asked("k4", "d4", 1);
    back.token = None;
    back.request.previous = Some(enrollment::Previous { device_id: "d1".to_owned(), proven: false, copied: false });
    assert_eq!(ledger.enroll(back.clone(), NOW + 10).await.unwrap(), Enrolled::Pending("approval"));
    assert_eq!(ledger.waiting_devices(all()).await.unwrap().rows.len(), 1);
    let acme = Some("acme".to_owned());
    assert!(!ledger.answer_device("k4", acme.clone(), back_to("d9")).await.unwrap(), "no such record");
    assert!(!ledger.answer_device("k4", None, back_to("d1")).await.unwrap(), "seen with another tenant");
    assert!(ledger.answer_device("k4", acme, back_to("d1")).await.unwrap());
    assert_eq!(id(&ledger.enroll(back, NOW + 11).await.unwrap()), ("d1", true));
    assert!(ledger.waiting_devices(all()).await.unwrap().rows.is_empty());

    ledger.list_serials("acme", vec![[70; 16]]).await.unwrap();
    let mut listed = asked("k5", "d5", 7);
    listed.listed_as = vec![[70; 16]];
    listed.policy.pre_enrolled_only = true;
    ledger.add_token(token("t2"), sealed(), None).await.unwrap();
    listed.token = Some("t2".to_owned());
    assert_eq!(id(&ledger.enroll(listed.clone(), NOW).await.unwrap()), ("d5", true));
    (listed.request, listed.new_id) = (Request::new("k6", "Agent", [1, 2, 3], print(8)), "d6".to_owned());
    listed.listed_as = vec![[80; 16]];
    assert_eq!(ledger.enroll(listed, NOW).await.unwrap(), Enrolled::Refused(Refusal::NotPreEnrolled));
}

async fn lists_have_pages(ledger: Ledger) {
    let many = TokenRecord { uses: None, ..token("t1") };
    ledger.add_token(many, sealed(), None).await.unwrap();
    for n in 0..5_u8 {
        let name = format!("d{n}");
        ledger.enroll(asked(&format!("k{n}"), &name, n + 1), NOW + u64::from(n / 2)).await.unwrap();
        ledger.enroll(lost(&format!("w{n}")), NOW + u64::from(n / 2)).await.unwrap();
    }
    let (mut devices, mut requests) = (Vec::new(), Vec::new());
    let mut filter = Filter { rows: 2, ..Filter::default() };
    for _ in 0..3 {
        let page = ledger.devices(filter.clone()).await.unwrap();
        devices.extend(page.rows.into_iter().map(|row| row.device.id));
        filter.after = page.next;
    }
    assert_eq!((devices.join(" ").as_str(), filter.after.is_none()), ("d4 d3 d2 d1 d0", true));
    for _ in 0..3 {
        let page = ledger.waiting_devices(filter.clone()).await.unwrap();
        requests.extend(page.rows.into_iter().map(|row| row.key));
        filter.after = page.next;
    }
    assert_eq!((requests.join(" ").as_str(), filter.after.is_none()), ("w4 w3 w2 w1 w0", true));
}

async fn count(ledger: &Ledger, table: &'static str) -> u64 {
    let counted = ledger.read(move |tx| {
        let row = tx.row(&format!("SELECT COUNT(*) FROM {table}"), &[])?;
        row.map(|mut cells| cells.number()).transpose()
    });
    counted.await.unwrap().unwrap()
}

async fn what_a_device_sends_has_an_end(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    ledger.enroll(asked("k1", "d1", 1), NOW).await.unwrap();
    let record = |seq| DeviceRecord { epoch: "0a".to_owned(), seq, time: 5, body: "aGk=".to_owned() };
    let take = async |seq, at| ledger.take_records("d1", "telemetry", vec![record(seq)], at).await.unwrap();
    assert!(take(0, NOW).await);
    // A device that has brought 320 MiB today, but for one record.
    let (day, most) = (NOW / 86_400, (320_u64 << 20) - 104);
    let brought = ledger.write(move |tx| {
        tx.execute("UPDATE device SET record_day = $1, record_bytes = $2", &[day.into(), most.into()])
    });
    brought.await.unwrap();
    assert_eq!((take(1, NOW).await, take(2, NOW).await, take(2, NOW + 86_400).await), (true, false, true));
    assert_eq!(count(&ledger, "device_record").await, 3);
    ledger.sweep(NOW + 30 * 86_400 - 1).await.unwrap();
    assert_eq!(count(&ledger, "device_record").await, 3);
    ledger.sweep(NOW + 30 * 86_400).await.unwrap();
    assert_eq!(count(&ledger, "device_record").await, 1, "the device's own clock does not count");

    // A copy that asks and asks, and a device that shows another part each time.
    for n in 0..120_u8 {
        assert!(ledger.check_in("d1", 999, print(1), "1.2.3", NOW).await.unwrap().is_err());
        ledger.check_in("d1", u64::from(n) + 1, print(n), "1.2.3", NOW).await.unwrap().unwrap();
    }
    assert_eq!(count(&ledger, "device_event").await, 100);
    assert!(count(&ledger, "part_turn").await > 200);
    ledger.sweep(NOW + 30 * 86_400).await.unwrap();
    assert_eq!(count(&ledger, "part_turn").await, 2, "the parts that it shows now");
}

async fn two_products_on_a_device_are_two_records(ledger: Ledger) {
    ledger.add_token(token("t1"), sealed(), None).await.unwrap();
    ledger.add_token(TokenRecord { product: Some("Other".to_owned()), ..token("t2") }, sealed(), None).await.unwrap();
    ledger.enroll(asked("k1", "d1", 1), NOW).await.unwrap();
    let mut other = Asked { token: Some("t2".to_owned()), ..asked("k2", "d2", 2) };
    other.request.product = "Other".to_owned();
    ledger.enroll(other.clone(), NOW).await.unwrap();
    assert_eq!(ledger.merge_devices("d1", "d2", NOW).await.unwrap(), None);
    other.request.key = "k3".to_owned();
    other.policy.approval = true;
    assert_eq!(ledger.enroll(other, NOW).await.unwrap(), Enrolled::Pending("approval"));
    let acme = Some("acme".to_owned());
    assert!(!ledger.answer_device("k3", acme.clone(), back_to("d1")).await.unwrap(), "another product's record");
    assert!(ledger.answer_device("k3", acme, back_to("d2")).await.unwrap());
}
