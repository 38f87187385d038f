//! What a list is asked for by where it is posted: a JSON object or a form, with the parameters in it.

use bytes::Bytes;
use reqwest::header::HeaderValue;
use url::form_urlencoded;

use super::{body::ListBody, pagination::Param};
use crate::value::{RequestText, RequestValues};

/// What is posted for a page.
pub(super) enum Posted {
    /// A JSON object: parameters have places in it.
    Json(Box<ListBody>),
    /// A form of these fields: parameters are further ones.
    Form(Vec<(String, RequestText)>),
}

impl Posted {
    /// The body for a page. `bounds` are the cursor's parameters; of two parameters of a name the page's
    /// counts. A parameter that is `alone` takes nothing else along. `values` complete the texts.
    pub(super) fn render(
        &self,
        bounds: &[(&str, &str)],
        param: Option<(&str, Param<'_>)>,
        size: Option<(&str, u32)>,
        (alone, values): (bool, &RequestValues<'_>),
    ) -> Bytes {
        match (self, param) {
            (Self::Json(_), Some((place, value))) if alone => ListBody::alone(place, &value.json()),
            (Self::Form(_), Some((name, value))) if alone => {
                form([(name, &*value.text())].into_iter())
            }
            (Self::Json(body), param) => {
                let mut params: Vec<(&str, String)> =
                    bounds.iter().map(|(name, value)| (*name, body.bound(value))).collect();
                params.extend(param.map(|(name, value)| (name, value.json())));
                params.extend(size.map(|(name, size)| (name, size.to_string())));
                body.render(&params, values)
            }
            (Self::Form(fields), param) => {
                let texts: Vec<_> = fields.iter().map(|(_, text)| text.text(values)).collect();
                let fixed = fields.iter().zip(&texts).map(|((name, _), text)| (&**name, &**text));
                let taken = param.as_ref().map(|(name, _)| *name);
                let bounds = bounds.iter().copied().filter(|(name, _)| Some(*name) != taken);
                let value = param.as_ref().map(|(name, value)| (*name, value.text()));
                let value = value.as_ref().map(|(name, value)| (*name, &**value));
                let size = size.map(|(name, size)| (name, size.to_string()));
                let size = size.as_ref().map(|(name, size)| (*name, &**size));
                form(fixed.chain(bounds).chain(value).chain(size))
            }
        }
    }

    /// What it is, for the request's `Content-Type`.
    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
        })
    }
}

fn form<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> Bytes {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Connection, resolver::Resolver, testing::section, value::Text};

    fn text(text: &str) -> RequestText {
        let text: Text = section(text.into());
        RequestText::new(&text.template, "form", &Resolver::new(&Connection::default())).unwrap()
    }

    #[test]
    fn a_form_has_its_own_fields_then_the_parameters_each_once() {
        let posted = Posted::Form(vec![("a".into(), text("1 2")), ("a".into(), text("3"))]);
        let values = RequestValues::default();
        let whole = (false, &values);
        let bounds = [("after", "x"), ("to", "z")];
        let body =
            posted.render(&bounds, Some(("after", Param::Text("y&"))), Some(("n", 9)), whole);
        assert_eq!(body, "a=1+2&a=3&to=z&after=y%26&n=9");
        let alone = (true, &values);
        let body = posted.render(&bounds, Some(("after", Param::Text("y"))), None, alone);
        assert_eq!(body, "after=y");
        assert_eq!(posted.render(&[], None, None, alone), "a=1+2&a=3");
    }
}
