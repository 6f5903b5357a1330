//! The program that an installer brings of its own, signed before it goes in: Windows weighs it apart from the package.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use container::pe::Unsigned;
use installer::Product;
use installer::agent;
use installer::format::Format;
use installer::product::Arch;
use installer::signature::SignatureForm;

use crate::error::{Error, Result};
use crate::sign::SigningMethod;

/// How such a program is called in messages.
const NAME: &str = "the custom actions of the MSI";
/// No program of an installer's own is larger when it is signed.
const MAX_BYTES: u64 = 16 << 20;

/// The product with the format's own program signed. One that is signed already, the vendor's own copy, stays as it is.
pub(crate) fn signed(product: Product, format: &dyn Format, arch: Arch, method: &SigningMethod) -> Result<Product> {
    if format.signature_form() != Some(SignatureForm::Authenticode) {
        return Ok(product);
    }
    let Some(program) = format.own_program(&product, arch)? else { return Ok(product) };
    let about = |error: Error| error.about(Path::new(NAME));
    if agent::signer_of_image(&program).map_err(|problem| about(Error::wrong(problem)))?.is_some() {
        return Ok(product);
    }
    let signed = match method {
        SigningMethod::Key(signer) => {
            signer.check(format)?;
            let unsigned = Unsigned::new(program).map_err(|error| about(Error::wrong(error)))?;
            let message = signer.sign_image(&unsigned.sha256())?;
            unsigned.signed(&message).map_err(|error| about(Error::wrong(error)))?
        }
        SigningMethod::Command(command) => {
            let failed = Error::io("write to", Path::new("the temporary folder"));
            let (mut file, mut out) =
                match tempfile::NamedTempFile::new().and_then(|file| Ok((file, tempfile::tempfile()?))) {
                    Ok(both) => both,
                    Err(error) => return Err(failed(error)),
                };
            file.write_all(&program).map_err(failed)?;
            command.sign_file(file.path(), "dll", &mut out)?;
            let mut signed = Vec::new();
            let read = out.seek(SeekFrom::Start(0)).and_then(|_| out.take(MAX_BYTES).read_to_end(&mut signed));
            read.map_err(Error::io("read back", Path::new(NAME)))?;
            signed
        }
    };
    match agent::signer_of_image(&signed) {
        Ok(Some(_)) => Ok(product.with_own_program(arch, signed)),
        Ok(None) => Err(about(Error::wrong("there is no signature in it after signing"))),
        Err(problem) => Err(about(Error::wrong(problem))),
    }
}
