//! Inline SVG, all in the colour of the text around it. Decorative: what they mean is said in
//! text beside them.

/// Two states below, their join above: the Hasse diagram of a join.
pub(crate) const LOGO: &str = r#"<svg viewBox="0 0 32 32" width="32" height="32" fill="none" aria-hidden="true"><path class="logo-left" d="M7 24 16 9" stroke-width="4.5" stroke-linecap="round"/><path class="logo-right" d="M25 24 16 9" stroke-width="4.5" stroke-linecap="round"/><circle class="logo-left" cx="7" cy="24" r="4.75"/><circle class="logo-right" cx="25" cy="24" r="4.75"/><circle class="logo-top" cx="16" cy="8.5" r="5.5"/></svg>"#;

pub(crate) const AUTO: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" fill="currentColor"/></svg>"#;

pub(crate) const LIGHT: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" aria-hidden="true"><circle cx="8" cy="8" r="3"/><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3.05 3.05l1.06 1.06M11.89 11.89l1.06 1.06M3.05 12.95l1.06-1.06M11.89 4.11l1.06-1.06"/></svg>"#;

pub(crate) const DARK: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z"/></svg>"#;

pub(crate) const COPY: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" aria-hidden="true"><rect x="5.5" y="5.5" width="8.5" height="8.5" rx="1.75"/><path d="M3 10.5a1 1 0 0 1-1-1V3.25C2 2.56 2.56 2 3.25 2H9.5a1 1 0 0 1 1 1"/></svg>"#;

pub(crate) const DONE: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="m3 8.5 3.5 3.5L13 4.5"/></svg>"#;

pub(crate) const MINUS: &str = r#"<svg viewBox="0 0 24 24" width="24" height="24" stroke="currentColor" stroke-width="2.25" stroke-linecap="round" aria-hidden="true"><path d="M5 12h14"/></svg>"#;

pub(crate) const PLUS: &str = r#"<svg viewBox="0 0 24 24" width="24" height="24" stroke="currentColor" stroke-width="2.25" stroke-linecap="round" aria-hidden="true"><path d="M5 12h14M12 5v14"/></svg>"#;
