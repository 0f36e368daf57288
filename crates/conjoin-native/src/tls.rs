//! TLS to servers.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// Who is trusted is what the operating system says.
pub(crate) fn tls() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let make = || {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err("this machine has no certificate authorities, which TLS needs \
                        (on Debian: apt-get install ca-certificates)"
                .to_owned());
        }
        // Named here, as a program may have several.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    };
    CONFIG.get_or_init(make).clone()
}
