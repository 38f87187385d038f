//! The fields that a lead has, and what an e-mail is.

/// One of them, by its name.
pub(crate) type Field = &'static str;

/// All but the id, which is Marketo's to give. The last two are custom fields of this customer's.
const FIELDS: [Field; 10] = [
    "email",
    "firstName",
    "lastName",
    "city",
    "country",
    "phone",
    "company",
    "leadSource",
    "lastChatAt",
    "lastChatTopic",
];

/// The field of that name, which is compared with its case.
pub(crate) fn field(name: &str) -> Option<Field> {
    FIELDS.into_iter().find(|field| *field == name)
}

/// Whether a text is an address: one `@`, something before it, a dotted name behind it, and nothing
/// in it that separates.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let separates = |letter: char| letter.is_whitespace() || ",;<>\"@".contains(letter);
    let dotted = domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
    !local.is_empty() && dotted && !local.contains(separates) && !domain.contains(separates)
}

/// What two e-mails that are the same to Marketo have in common.
pub(crate) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_an_address() {
        for text in ["a@b.c", "zoe.moreau17@example.com", "Zoe+x@Mail.Example.Com"] {
            assert!(is_email(text), "{text}");
        }
        for text in ["", "a", "a@", "@b.c", "a@b", "a @b.c", "a@@b.c", "a,@b.c", "a@b.", "a@b@c.d"]
        {
            assert!(!is_email(text), "{text}");
        }
    }
}
