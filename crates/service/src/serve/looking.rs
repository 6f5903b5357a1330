//! Where bases come from, looked at again and again: a folder, a bucket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stampwright::{Error, Result};
use tokio::sync::watch;

use crate::app::App;
use crate::config::S3;
use crate::edge;
use crate::store::{BucketWatch, Noticed, Watch};

/// How often the folder of bases is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where bases come from.
enum Place {
    Folder(Watch),
    Bucket(BucketWatch, Box<S3>),
}

/// A place, and how it has done so far.
pub(super) struct Looking {
    place: Place,
    every: Duration,
    is_failing: bool,
}

impl Looking {
    /// A folder. The first look is before connections are taken.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn at_folder(app: &Arc<App>, folder: PathBuf) -> Result<Self> {
        let looked = look(app.clone(), Place::Folder(Watch::new(folder)), true).await;
        let (place, noticed) = looked.ok_or_else(|| Error::machine("the folder of bases could not be read"))?;
        say(app, noticed?);
        Ok(Self { place, every: LOOK, is_failing: false })
    }

    /// A bucket. Its store may be slow or away: what was imported before is served meanwhile, so nothing waits for the first look.
    ///
    /// # Errors
    /// Its settings or credentials are wrong.
    pub(super) fn at_bucket(app: &App, s3: S3) -> Result<Self> {
        s3.open(edge::store_credentials, edge::now)?;
        let watch = BucketWatch::new(s3.prefix.clone(), app.config().limits.base_bytes);
        let every = Duration::from_secs(s3.poll);
        Ok(Self { place: Place::Bucket(watch, Box::new(s3)), every, is_failing: false })
    }

    /// Looks until the service stops.
    pub(super) async fn keep(mut self, app: Arc<App>, mut stopped: watch::Receiver<bool>) {
        let mut pause = if matches!(self.place, Place::Bucket(..)) { Duration::ZERO } else { self.every };
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.changed() => return,
            }
            pause = self.every;
            let looked = tokio::select! {
                looked = look(app.clone(), self.place, false) => looked,
                _ = stopped.changed() => return,
            };
            let Some((place, noticed)) = looked else { return };
            self.place = place;
            match noticed {
                Ok(noticed) => {
                    self.is_failing = false;
                    say(&app, noticed);
                }
                Err(error) if !self.is_failing => {
                    self.is_failing = true;
                    let what = match self.place {
                        Place::Folder(_) => "the folder of bases cannot be read; what is served stays",
                        Place::Bucket(..) => "the bucket of bases cannot be read; what is served stays",
                    };
                    tracing::error!(error = %error, "{what}");
                }
                Err(_) => {}
            }
        }
    }
}

async fn look(app: Arc<App>, mut place: Place, is_start: bool) -> Option<(Place, Result<Vec<Noticed>>)> {
    let looking = tokio::task::spawn_blocking(move || {
        let noticed = match &mut place {
            Place::Folder(watch) => watch.look(&app.store, edge::now(), is_start),
            // Opened anew each time: keys that live for a time are exchanged in their file.
            Place::Bucket(watch, s3) => s3
                .open(edge::store_credentials, edge::now)
                .and_then(|bucket| watch.look(&bucket, &app.store, edge::now())),
        };
        (place, noticed)
    });
    looking.await.ok()
}

fn say(app: &App, noticed: Vec<Noticed>) {
    for one in noticed {
        match one {
            Noticed::Added(name) => tracing::info!(file = name, "a base is served"),
            Noticed::Withdrawn(name) => tracing::info!(file = name, "a base is withdrawn"),
            Noticed::Refused(error) => tracing::warn!(error = %error, hint = error.next_step(), "a file is not served"),
        }
    }
    app.metrics.bases(app.store.list().len());
}
