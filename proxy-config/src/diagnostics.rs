//! Every error of a configuration at once, each shown where it is.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use crate::address::Invalid;

/// Why a configuration was refused. Displayed without colour, ready for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    origin: String,
    text: String,
    errors: Vec<Diagnostic>,
}

impl Diagnostics {
    /// `origin` is the file's name, or what stands for it; `text` is what the errors point into.
    pub(crate) fn new(origin: &str, text: &str, mut errors: Vec<Diagnostic>) -> Self {
        errors.sort_by_key(|error| error.labels.first().map(|(span, _)| span.start));
        Self { origin: origin.to_owned(), text: text.to_owned(), errors }
    }

    /// One error about the whole of what was to be read.
    pub(crate) fn about(origin: &str, error: Diagnostic) -> Self {
        Self::new(origin, "", vec![error])
    }

    /// All errors, each with its place, the line it is on, and what would be right; several lines
    /// each, without a newline at the end.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut blocks: Vec<_> = self.shown().map(|error| self.block(error, &renderer)).collect();
        blocks.extend(self.rest());
        blocks.join("\n\n")
    }

    /// The same in one line per error, for a log: `file:line:column: what is wrong; what is right`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let lines = self.shown().map(|error| {
            let place = error.labels.first().map(|(span, _)| self.place(span.start));
            let label = error.labels.first().map(|(_, label)| label).filter(|l| !l.is_empty());
            let label = label.map(|label| format!(": {label}"));
            let help = error.help.as_ref().map(|help| format!("; {help}"));
            let line = format!(
                "{}{}: {}{}{}",
                self.origin,
                place.unwrap_or_default(),
                error.what,
                label.unwrap_or_default(),
                help.unwrap_or_default(),
            );
            // A line of a log is one line, whatever the file has in it.
            normalize_untrusted_str(&line).replace('\n', " ")
        });
        lines.chain(self.rest())
    }

    /// `:line:column`, both from 1, the column in characters.
    fn place(&self, at: usize) -> String {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&char| char != '\n').count() + 1;
        format!(":{line}:{column}")
    }

    fn shown(&self) -> impl Iterator<Item = &Diagnostic> {
        self.errors.iter().take(MOST_SHOWN)
    }

    /// Stands for the errors that are not shown.
    fn rest(&self) -> Option<String> {
        let hidden = self.errors.len().checked_sub(MOST_SHOWN).filter(|&hidden| hidden > 0)?;
        Some(format!("and {hidden} more"))
    }

    fn block(&self, error: &Diagnostic, renderer: &Renderer) -> String {
        let mut group = Level::ERROR.primary_title(&error.what).elements(None::<Origin<'_>>);
        let bare = error.labels.first().filter(|_| error.is_secret);
        if let Some((span, _)) = bare {
            let place = format!("{}{}", self.origin, self.place(span.start));
            group = group.element(Origin::path(place));
        } else if error.labels.is_empty() {
            group = group.element(Origin::path(&self.origin));
        } else {
            let kinds = std::iter::once(AnnotationKind::Primary)
                .chain(std::iter::repeat(AnnotationKind::Context));
            let annotations = error
                .labels
                .iter()
                .zip(kinds)
                .map(|((span, label), kind)| kind.span(self.on_one_line(span)).label(label));
            let snippet = Snippet::source(&self.text).path(&self.origin).annotations(annotations);
            group = group.element(snippet);
        }
        if let Some(help) = &error.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// A span of several lines is shown by the first of them.
    fn on_one_line(&self, span: &Range<usize>) -> Range<usize> {
        let end = self.text[span.clone()].find('\n').map_or(span.end, |at| span.start + at);
        span.start..end
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// One error: what is wrong, where (the first place is the main one), what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    what: String,
    labels: Vec<(Range<usize>, String)>,
    help: Option<String>,
    /// The text there is not to be shown.
    is_secret: bool,
}

impl Diagnostic {
    /// `span` is in bytes of the text.
    pub(crate) fn at(
        span: Range<usize>,
        what: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), labels: vec![(span, label.into())], help: None, is_secret: false }
    }

    /// An error that stands nowhere in the text.
    pub(crate) fn nowhere(what: impl Into<String>) -> Self {
        Self { what: what.into(), labels: Vec::new(), help: None, is_secret: false }
    }

    /// A text at `span` that is not what `name` takes.
    pub(crate) fn invalid(name: &str, span: Range<usize>, invalid: Invalid) -> Self {
        let what = format!("`{name}`: {}", invalid.what);
        Self::at(span, what, "").help(invalid.right)
    }

    /// Its place is told, and not what stands there: a password may.
    pub(crate) fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// What would be right.
    pub(crate) fn help(mut self, right: impl Into<String>) -> Self {
        self.help = Some(right.into());
        self
    }

    /// A further place that has to do with the error.
    pub(crate) fn and(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }
}

/// After these the file is not what was meant; a file of nonsense shall not flood the log.
const MOST_SHOWN: usize = 32;
