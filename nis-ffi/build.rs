//! Gives the shared library its SONAME, so that programs linked against it ask for `libnis.so.0` at run
//! time: the number is raised when the ABI breaks, together with `NIS_ABI_VERSION`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnis.so.0");
    }
}
