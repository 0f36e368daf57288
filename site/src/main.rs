//! Starts the demo pages. Only of use in a browser: `cargo xtask site` builds it for one.

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {
    #[cfg(target_arch = "wasm32")]
    conjoin_site::app::start();
}
