//! stub
/// stub
pub fn serve<N: squall_node::Node>(_: impl Fn() -> N) -> Result<(), String> {
    Err("not yet".into())
}
