//! Closures of one type for each use. Leptos compiles its reactive machinery once for every type
//! of closure in a view; behind a pointer, the many closures of a page share one copy, which
//! makes the wasm about a third smaller.

use leptos::ev::MouseEvent;

/// Text that follows what it reads: a text node or the value of an attribute.
pub(crate) type Text = Box<dyn FnMut() -> String + Send>;

/// See [`Text`].
pub(crate) fn text(compute: impl FnMut() -> String + Send + 'static) -> Text {
    Box::new(compute)
}

/// An attribute that is there or not, following what it reads.
pub(crate) type Flag = Box<dyn FnMut() -> bool + Send>;

/// See [`Flag`].
pub(crate) fn flag(compute: impl FnMut() -> bool + Send + 'static) -> Flag {
    Box::new(compute)
}

/// What a click does.
pub(crate) type OnClick = Box<dyn FnMut(MouseEvent)>;

/// See [`OnClick`].
pub(crate) fn on_click(mut act: impl FnMut() + 'static) -> OnClick {
    Box::new(move |_| act())
}
