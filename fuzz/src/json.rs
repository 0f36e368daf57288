//! JSON from anybody.

use conjoin_core::Doc;

use crate::documents::{OTHER, USED, Used, goes_on, others_can_follow};
use crate::view::View;

/// Text that may be JSON, as a document of its own and in one that is in use.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(doc) = Doc::from_json(OTHER, text) {
        let json = doc.to_json();
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&json) {
            assert!(
                error.to_string().contains("recursion limit"),
                "what is written is JSON: {error} in {json}"
            );
        }
        let again = Doc::from_json(OTHER, &json).expect("what was written can be read");
        assert_eq!(again.to_json(), json, "what is read is what was written");
        others_can_follow(&doc);
    }
    let mut doc = Used::new().doc;
    let before = View::of(&doc);
    let mut results = [Ok(()), Ok(())];
    doc.transact(|tx| {
        results = [tx.map("m").set_json("json", text), tx.list("l").push_json(text)];
    });
    assert_eq!(results[0], results[1]);
    if results[0].is_err() {
        assert_eq!(View::of(&doc), before, "what is refused leaves no trace");
        return;
    }
    let put = doc.map("m").item("json");
    assert_eq!(put, doc.list("l").iter().last(), "the same, wherever it is put");
    assert!(doc.version().get(USED) > before.version.get(USED));
    others_can_follow(&doc);
    goes_on(doc);
}
