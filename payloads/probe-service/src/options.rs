//! What the service was told on its command line.

/// What a start of the service does, whoever starts it.
pub(crate) type Start = fn(&Options) -> Result<(), String>;

/// The parsed command line.
pub(crate) struct Options {
    /// Where the report goes.
    pub(crate) log: String,
    /// Windows: the key below HKEY_LOCAL_MACHINE that holds the token.
    #[cfg_attr(unix, allow(dead_code))]
    pub(crate) registry_key: String,
    /// Elsewhere: the file that holds the token.
    #[cfg_attr(windows, allow(dead_code))]
    pub(crate) token_file: String,
    /// Elsewhere: the file that says that this device is enrolled.
    #[cfg_attr(windows, allow(dead_code))]
    pub(crate) state_file: String,
    /// Record the enrollment and delete the token.
    pub(crate) enroll: bool,
    /// Report and end, instead of serving.
    pub(crate) once: bool,
    /// The command line as it came, for the report.
    pub(crate) argv: Vec<String>,
}

impl Options {
    /// Reads the command line; anything unknown is an error, so that a mangled quoting shows.
    pub(crate) fn from_args(argv: Vec<String>) -> Result<Self, String> {
        let mut options = Self {
            log: String::new(),
            registry_key: String::new(),
            token_file: String::new(),
            state_file: String::new(),
            enroll: false,
            once: false,
            argv: argv.clone(),
        };
        let mut rest = argv.into_iter().skip(1);
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--log" => options.log = value()?,
                "--registry-key" => options.registry_key = value()?,
                "--token-file" => options.token_file = value()?,
                "--state-file" => options.state_file = value()?,
                "--enroll" => options.enroll = true,
                "--once" => options.once = true,
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        if options.log.is_empty() {
            return Err("--log is missing".to_owned());
        }
        let (source, name) = if cfg!(windows) {
            (&options.registry_key, "--registry-key")
        } else {
            (&options.token_file, "--token-file")
        };
        if source.is_empty() {
            return Err(format!("{name} is missing"));
        }
        if options.state_file.is_empty() {
            let folder = options.token_file.rfind('/').map_or("", |slash| &options.token_file[..=slash]);
            options.state_file = format!("{folder}enrollment-state");
        }
        Ok(options)
    }
}
