//! What all pages have around them: their head, what they may load, their data and their script.

use serde::Serialize;

use crate::ExplainError;

/// The parts of a page.
pub(crate) struct Shell<'a> {
    pub(crate) title: &'a str,
    pub(crate) style: &'a str,
    /// HTML from the start of the body on.
    pub(crate) body: &'a str,
    /// The element that holds its data.
    pub(crate) id: &'a str,
    /// HTML between the data and the script.
    pub(crate) beside: &'a str,
    pub(crate) script: &'a str,
}

const TEMPLATE: &str = include_str!("script/shell.html");

impl Shell<'_> {
    /// The text of the file.
    pub(crate) fn html(&self, data: &impl Serialize) -> Result<String, ExplainError> {
        let json = serde_json::to_string(data).map_err(|error| ExplainError::Picture(error.to_string()))?;
        let parts = [
            ("TITLE", &escaped(self.title)[..]),
            ("STYLE", self.style),
            ("BODY", self.body),
            ("ID", self.id),
            ("DATA", &in_script(&json)),
            ("BESIDE", self.beside),
            ("SCRIPT", self.script),
        ];
        Ok(filled(TEMPLATE, &parts))
    }
}

/// The template with each `{NAME}` replaced once, from left to right, so that no part is taken for a place.
pub fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let (mut page, mut rest) = (String::new(), template);
    while let Some((place, name, text)) = parts
        .iter()
        .filter_map(|(name, text)| rest.find(&format!("{{{name}}}")).map(|place| (place, name, text)))
        .min()
    {
        page.push_str(&rest[..place]);
        page.push_str(text);
        rest = &rest[place + name.len() + 2..];
    }
    page + rest
}

/// A text as HTML has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON that cannot end the element that holds it.
pub fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}
