//! YAML text as a tree of nodes that know where they stand.
//!
//! What could make a small file large or its meaning unclear is refused: anchors, aliases, tags,
//! several documents, deep nesting.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use crate::diagnostics::Diagnostic;

/// A value or a key of the file.
#[derive(Debug)]
pub(crate) struct Node {
    /// In bytes of the text.
    pub(crate) span: Range<usize>,
    pub(crate) data: Data,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Data {
    /// `plain`: without quotes, so that the text decides the type.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// Keys and values.
    Section(Vec<(Node, Node)>),
}

impl Node {
    /// Reads the one document of `text`; an empty one is an empty plain scalar.
    ///
    /// Stops at the first error: after it, nothing in the text is sure.
    pub(crate) fn read(text: &str) -> Result<Self, Diagnostic> {
        let mut reader = Reader {
            text,
            offsets: text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
            parser: Parser::new_from_str(text),
        };
        reader.event()?; // the stream's start
        reader.event()?; // the document's start, or the stream's end
        let root = reader.node(0)?;
        reader.event()?; // the document's end
        let (event, span) = reader.event()?;
        if event != Event::StreamEnd {
            return Err(Diagnostic::at(span, "there is more than one document", "second one")
                .help("a configuration is one document: keep one of them"));
        }
        let empty = Data::Scalar { text: String::new(), plain: true };
        Ok(root.unwrap_or(Self { span: 0..0, data: empty }))
    }

    /// The value of a key, if this is a section that has it.
    pub(crate) fn entry(&self, name: &str) -> Option<&Self> {
        let Data::Section(entries) = &self.data else {
            return None;
        };
        let is_it = |key: &Self| matches!(&key.data, Data::Scalar { text, .. } if text == name);
        entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The parser counts characters: where each begins, in bytes, and the end.
    offsets: Vec<usize>,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    /// The next node, with all that is in it; `None` at the end of what it would be in.
    fn node(&mut self, depth: usize) -> Result<Option<Node>, Diagnostic> {
        let (event, mut span) = self.event()?;
        if depth > DEEPEST {
            return Err(Diagnostic::at(span, "this is nested too deeply", ""));
        }
        let data = match event {
            Event::Scalar(text, style, ..) => {
                Data::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some(item) = self.node(depth + 1)? {
                    span.end = span.end.max(item.span.end);
                    items.push(item);
                }
                Data::List(items)
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                while let Some(key) = self.node(depth + 1)?
                    && let Some(value) = self.node(depth + 1)?
                {
                    span.end = span.end.max(value.span.end);
                    entries.push((key, value));
                }
                Data::Section(entries)
            }
            Event::SequenceEnd
            | Event::MappingEnd
            | Event::DocumentEnd
            | Event::StreamEnd
            | Event::StreamStart
            | Event::DocumentStart(_)
            | Event::Alias(_)
            | Event::Nothing => return Ok(None),
        };
        Ok(Some(Node { span, data }))
    }

    fn event(&mut self) -> Result<(Event<'a>, Range<usize>), Diagnostic> {
        let Some(next) = self.parser.next_event() else {
            return Ok((Event::StreamEnd, self.text.len()..self.text.len()));
        };
        let (event, span) = next.map_err(|error| {
            let at = self.byte(error.marker().index());
            Diagnostic::at(at..at, format!("not valid YAML: {}", error.info()), "")
                .help(self.advice(at, error.info()))
        })?;
        let start = self.byte(span.start.index());
        let span = start..self.byte(span.end.index()).max(start);
        match &event {
            Event::Alias(_) => Err(unwelcome(span, "an alias (`*`)", "write the value out")),
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(anchor, tag)
            | Event::MappingStart(anchor, tag) => {
                if *anchor != 0 {
                    return Err(unwelcome(span, "an anchor (`&`)", "remove it"));
                }
                if tag.is_some() {
                    return Err(unwelcome(span, "a tag (`!`)", "remove it"));
                }
                Ok((event, span))
            }
            Event::SequenceEnd
            | Event::MappingEnd
            | Event::DocumentEnd
            | Event::StreamEnd
            | Event::StreamStart
            | Event::DocumentStart(_)
            | Event::Nothing => Ok((event, span)),
        }
    }

    fn byte(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.text.len())
    }

    /// What usually is behind a syntax error on the line that has this byte.
    fn advice(&self, at: usize, info: &str) -> &'static str {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        if line.contains('\t') || info.contains("tab") {
            "indent with spaces: YAML takes no tabs"
        } else {
            "keys of one section stand under each other, a space follows each colon, and a value \
             with brackets, braces or a star goes in quotes"
        }
    }
}

fn unwelcome(span: Range<usize>, what: &str, right: &'static str) -> Diagnostic {
    Diagnostic::at(span, format!("a configuration cannot have {what}"), "").help(right)
}

/// The table needs three; this bounds the recursion. Arbitrary.
const DEEPEST: usize = 16;
