//! A start that is refused, and a stop.

use std::net::TcpListener as StdListener;

use super::*;
use crate::tests::Room;

fn start(config: Config) -> Start {
    Start { read_again: Box::new(move || Ok(Config::default())), config }
}

#[tokio::test]
async fn an_open_socket_of_the_service_manager_needs_tls_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let config = |allow_plain_http| Config { data: folder.path().join("data"), allow_plain_http, ..Config::default() };
    let inherited = || Some(StdListener::bind("0.0.0.0:0").unwrap());
    let refused =
        serve(start(config(false)), inherited(), |address| panic!("it serves at {address}")).await.unwrap_err();
    assert!(refused.to_string().contains("can be reached from outside"), "{refused}");
    assert!(!folder.path().join("data").exists(), "nothing was made");
    assert!(listener(&config(true), inherited()).is_ok());
    assert!(listener(&config(false), Some(StdListener::bind("127.0.0.1:0").unwrap())).is_ok());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_free_connection() {
    let room = Room::empty(|_| {}).await;
    let (stop, stopped) = watch::channel(false);
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let server = Server {
        router: room.router.clone(),
        app: room.app.clone(),
        tls: Arc::default(),
        // All are taken, by downloads that go on.
        free: Arc::new(Semaphore::new(0)),
        stopped,
        alive,
    };
    let (listener, address) =
        listener(&Config { listen: ([127, 0, 0, 1], 0).into(), ..Config::default() }, None).unwrap();
    let accepting = tokio::spawn(server.accept(listener));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(5), accepting).await.expect("it still waits").unwrap();
    assert!(all_gone.recv().await.is_none());
    assert!(std::net::TcpStream::connect(address).is_err(), "the listener is closed");
}
