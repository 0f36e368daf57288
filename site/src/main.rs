//! Starts the demo pages. Only of use in a browser: `cargo xtask site` builds it for one.

fn main() {
    #[cfg(target_arch = "wasm32")]
    conjoin_site::app::start();
}
