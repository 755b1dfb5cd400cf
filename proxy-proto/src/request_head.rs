/// The request in hand, for routing and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method as it came.
    pub method: &'a str,
    /// The target in the form in which it is forwarded: origin-form or `*`.
    pub target: &'a str,
    pub(crate) fields: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// The value of the first field with this name, if it is text. A walk over the head: not for
    /// every request.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.fields).ok()?.split("\r\n").find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim_matches([' ', '\t']))
        })
    }
}
