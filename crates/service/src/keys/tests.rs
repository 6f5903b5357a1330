//! Who is let in, on a real ledger.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::{Caller, CallerError, NewApiKey, Scope, Scopes, first_admin_key};
use crate::ledger::{Journal, Ledger};

const NOW: u64 = 1_800_000_000;

fn entropy(bytes: &mut [u8]) -> stampwright::Result<()> {
    getrandom::fill(bytes).map_err(stampwright::Error::machine)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_first_key_is_a_file_and_lets_its_owner_in() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), Journal::Wal).unwrap();
    block_on(async {
        let path = first_admin_key(&ledger, folder.path(), NOW, &entropy).await.unwrap().unwrap();
        assert_eq!(first_admin_key(&ledger, folder.path(), NOW, &entropy).await.unwrap(), None);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        let caller = Caller::of_key(&ledger, text.trim_end(), NOW).await.unwrap();
        assert!(caller.may(Scope::Bases).is_ok() && caller.may_for(Some("anybody")).is_ok());
        // No other file is left behind.
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(
            names
                .map(|name| name.into_string().unwrap())
                .all(|name| name == "admin.key" || name.starts_with("ledger.db"))
        );
        // The database does not have it.
        let database = [fs::read(folder.path().join("ledger.db")), fs::read(folder.path().join("ledger.db-wal"))];
        let secret = text.get(12..40).unwrap().as_bytes().to_vec();
        for bytes in database {
            assert!(!bytes.unwrap().windows(secret.len()).any(|window| window == secret));
        }
    });
}

#[test]
fn a_key_is_let_in_as_long_as_it_may() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), Journal::Wal).unwrap();
    block_on(async {
        let scopes = Scopes::of(&[Scope::Stamp]);
        let tenant = Some("acme".to_owned());
        let made = NewApiKey::generate("build", scopes, tenant, Some(NOW + 10), NOW, &entropy).unwrap();
        let id = made.row.id.clone();
        let other = NewApiKey::generate("other", scopes, None, None, NOW, &entropy).unwrap();
        ledger.add_api_key(made.row.clone()).await.unwrap();

        let caller = Caller::of_key(&ledger, made.key.expose(), NOW).await.unwrap();
        assert_eq!(caller.key_id, id);
        let refused = caller.may(Scope::Tokens).unwrap_err();
        assert_eq!(refused.to_string(), format!("api key {id}: it has the scopes \"stamp\", expected \"tokens\""));
        assert_eq!(caller.may_for(Some("acme")), Ok(()));
        assert_eq!(caller.may_for(Some("other")), Err(CallerError::OtherTenant(id.clone())));
        assert_eq!(caller.may_for(None), Err(CallerError::OtherTenant(id.clone())));

        let of = |text: &str, now| {
            let (ledger, text) = (ledger.clone(), text.to_owned());
            async move { Caller::of_key(&ledger, &text, now).await.unwrap_err() }
        };
        assert_eq!(of(made.key.expose(), NOW + 10).await, CallerError::Expired(id.clone()));
        assert_eq!(of(other.key.expose(), NOW).await, CallerError::Unknown);
        // The right id and another secret.
        let forged = crate::keys::ApiKey::generate([0; 6], &zeroize::Zeroizing::new([1; 32]));
        ledger.add_api_key(crate::ledger::ApiKeyRow { id: forged.id().to_owned(), ..other.row.clone() }).await.unwrap();
        assert_eq!(of(forged.expose(), NOW).await, CallerError::Unknown);
        assert!(matches!(of("sw_x", NOW).await, CallerError::Form(_)));
        ledger.revoke_api_key(&id, NOW).await.unwrap();
        assert_eq!(of(made.key.expose(), NOW).await, CallerError::Revoked(id));
    });
}

#[test]
fn the_time_of_a_refusal_does_not_say_which_keys_there_are() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), Journal::Wal).unwrap();
    block_on(async {
        let scopes = Scopes::of(&[Scope::Stamp]);
        let made = NewApiKey::generate("a", scopes, None, None, NOW, &entropy).unwrap();
        let unknown = NewApiKey::generate("b", scopes, None, None, NOW, &entropy).unwrap();
        let other = NewApiKey::generate("c", scopes, None, None, NOW, &entropy).unwrap();
        // The id of a key that is there, with the secret of another one.
        let wrong = other.row.id.clone();
        ledger.add_api_key(made.row).await.unwrap();
        ledger.add_api_key(crate::ledger::ApiKeyRow { hash: [7; 32], ..other.row }).await.unwrap();
        assert!(ledger.api_key(&wrong).await.unwrap().is_some());
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..500 {
            // In turns, so that whatever else the machine does slows both.
            for (times, key) in times.iter_mut().zip([&unknown.key, &other.key]) {
                let begin = std::time::Instant::now();
                assert!(matches!(Caller::of_key(&ledger, key.expose(), NOW).await, Err(CallerError::Unknown)));
                times.push(begin.elapsed());
            }
        }
        let [absent, wrong] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        });
        let ratio = wrong / absent;
        assert!((0.5..2.0).contains(&ratio), "unknown keys take {absent} s, wrong ones {wrong} s");
    });
}
