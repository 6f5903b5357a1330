//! The catalog: which bases are served.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use stampwright::{Base, Error, Mode, Result};

use super::base_file::{BaseFile, Places};
use super::entry::{Entry, hex};
use super::import::{self, Incoming, Label};

/// The SHA-256 of a base.
pub(super) type Digest = [u8; 32];

/// The bases that are served, and their folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    catalog: RwLock<Catalog>,
    /// One base comes or goes at a time: two copies of one base would take each other's place.
    changes: Mutex<()>,
    places: Places,
    options: StoreOptions,
}

/// What the store is to do with bases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreOptions {
    /// Whether there is somebody to sign stamps of bases that need a new signature.
    pub(crate) resigns: bool,
    /// Whether bases are served from sealed memory.
    pub(crate) in_memory: bool,
}

#[derive(Debug, Default)]
struct Catalog {
    entries: BTreeMap<Digest, Arc<Entry>>,
    /// Files of withdrawn bases that downloads still use.
    leaving: BTreeMap<Digest, Weak<BaseFile>>,
}

impl Store {
    /// Opens the store of a data folder, and makes it if it is not there. Every base is hashed, and one that is not what its name says
    /// is left out; the second result says which, and why.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(crate) fn open(data: &Path, options: StoreOptions) -> Result<(Self, Vec<Error>)> {
        let folder = data.join("store");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(Error::io("create", &folder))?;
        let store =
            Self { folder, catalog: RwLock::default(), changes: Mutex::default(), places: Places::default(), options };
        let mut problems = Vec::new();
        for path in files(&store.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(import::TEMPORARY) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            } else if !name.ends_with(".json")
                && let Err(error) = store.adopt(&path)
            {
                problems.push(error);
            }
        }
        Ok((store, problems))
    }

    /// A base that lies in the folder at the start.
    fn adopt(&self, path: &Path) -> Result<()> {
        let label = path.with_extension("json");
        if !label.is_file() {
            // It was withdrawn, or never told to anybody.
            return fs::remove_file(path).map_err(Error::io("remove", path));
        }
        let (file, digest) = self.file(path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem != name(&digest) {
            return Err(Error::wrong("the file is not what its name says").about(path));
        }
        let entry =
            Entry::open(file, digest, Label::read(&label)?, self.options.resigns).map_err(|error| error.about(path))?;
        self.write().entries.insert(digest, Arc::new(entry));
        Ok(())
    }

    /// A place for a base that is about to come.
    ///
    /// # Errors
    /// There is no space, or no right to write.
    pub(crate) fn incoming(&self) -> Result<Incoming> {
        Incoming::new(&self.folder)
    }

    /// What a base is called that came without a name: after its product.
    ///
    /// # Errors
    /// It is no installer.
    pub(crate) fn usual_name(&self, incoming: &Incoming) -> Result<String> {
        let path = incoming.path();
        let file = fs::File::open(&path).map_err(Error::io("open", &path))?;
        let base = Base::options().resign(self.options.resigns).open_file(file)?;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+');
        let product = &base.describe()?.product;
        let stem: String = product.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).collect();
        let stem = stem.trim_matches(['-', '.']);
        Ok(format!("{}.{}", if stem.is_empty() { "agent" } else { stem }, base.kind().extension()))
    }

    /// Takes a base in, and says whether it is new. What is refused leaves no trace.
    ///
    /// # Errors
    /// It is no installer without a token, needs a signer and there is none, or the disk is full.
    pub(crate) fn add(&self, incoming: Incoming, label: Label) -> Result<(Arc<Entry>, bool)> {
        let digest = incoming.sha256()?;
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = self.get(&digest) {
            return Ok((entry, false));
        }
        let kind = self.check(&incoming, digest, &label)?;
        let path = self.folder.join(format!("{}.{kind}", name(&digest)));
        let file = match self.still_used(&digest) {
            Some(file) => file,
            None => self.place(incoming, &path, digest)?,
        };
        let entry = label.write(&path.with_extension("json")).and_then(|()| {
            let entry = Entry::open(file.clone(), digest, label, self.options.resigns)?;
            Ok(Arc::new(entry))
        });
        // What is not listed in the end goes again, with whoever still uses it.
        file.withdraw(entry.is_err());
        let entry = entry?;
        self.write().entries.insert(digest, entry.clone());
        Ok((entry, true))
    }

    /// Puts a base into its place, and opens what lies there then.
    fn place(&self, incoming: Incoming, path: &Path, digest: Digest) -> Result<Arc<BaseFile>> {
        incoming.place(path, &self.places)?;
        let (file, found) = self.file(path)?;
        if found != digest {
            return Err(Error::machine("the base was changed while it was imported"));
        }
        Ok(file)
    }

    /// Opens a file in its place, and hashes what was opened.
    fn file(&self, path: &Path) -> Result<(Arc<BaseFile>, Digest)> {
        let open = if self.options.in_memory { BaseFile::open_in_memory } else { BaseFile::open };
        let file = open(path, self.places.clone()).map_err(Error::io("open", path))?;
        let digest = import::sha256(file.handle()).map_err(Error::io("read", path))?;
        Ok((Arc::new(file), digest))
    }

    /// Opens a base before it is in its place; gives its format.
    fn check(&self, incoming: &Incoming, digest: Digest, label: &Label) -> Result<&'static str> {
        let mut options = Base::options().sha256(digest).resign(self.options.resigns);
        if let Some(manifest) = label.prepared()? {
            options = options.prepared(manifest);
        }
        let path = incoming.path();
        let file = fs::File::open(&path).map_err(Error::io("open", &path))?;
        let base = options.open_file(file)?;
        base.describe()?;
        if base.mode() == Mode::Resign && !self.options.resigns {
            let message = "it is signed, and the service has no key to sign its stamps with";
            return Err(Error::wrong(message).hint("prepare it, or name a signing key in the configuration"));
        }
        Ok(base.kind().extension())
    }

    /// The file of a withdrawn base that comes back while downloads still use it: a second one in its place would change the first.
    fn still_used(&self, digest: &Digest) -> Option<Arc<BaseFile>> {
        let mut catalog = self.write();
        catalog.leaving.retain(|_, file| file.strong_count() > 0);
        let file = catalog.leaving.get(digest)?.upgrade()?;
        file.check().ok()?;
        catalog.leaving.remove(digest);
        Some(file)
    }

    /// A base by its digest.
    #[must_use]
    pub(crate) fn get(&self, digest: &Digest) -> Option<Arc<Entry>> {
        self.read().entries.get(digest).cloned()
    }

    /// All bases, by product, version and format.
    #[must_use]
    pub(crate) fn list(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self.read().entries.values().cloned().collect();
        entries.sort_by_key(|entry| {
            let listed = entry.listed();
            (listed.product.clone(), listed.version.clone(), listed.format.extension(), listed.arch.clone())
        });
        entries
    }

    /// Takes a base out of the catalog. Downloads that run go on, and the file goes with the last of them.
    ///
    /// # Errors
    /// Its label cannot be removed, so it would come back with the next start: it is still served.
    pub(crate) fn withdraw(&self, digest: &Digest) -> Result<bool> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(digest).is_none() {
            return Ok(false);
        }
        let label = self.folder.join(format!("{}.json", name(digest)));
        match fs::remove_file(&label) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &label)(error));
            }
            _ => {}
        }
        let mut catalog = self.write();
        // It may have been distrusted in between: then its file stays.
        let Some(entry) = catalog.entries.remove(digest) else { return Ok(false) };
        catalog.leaving.insert(*digest, Arc::downgrade(entry.file()));
        entry.file().withdraw(true);
        Ok(true)
    }

    /// Takes a base out whose file was changed from outside. The file stays for whoever wants to know how. A base that has come into its
    /// place since then is another entry, and stays.
    pub(crate) fn distrust(&self, entry: &Arc<Entry>) {
        self.write().entries.retain(|_, listed| !Arc::ptr_eq(listed, entry));
    }

    fn read(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Catalog> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn name(digest: &Digest) -> String {
    format!("sha256-{}", hex(digest))
}

/// The files of a folder, by name.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
