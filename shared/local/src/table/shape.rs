//! What a PartiQL statement does, apart from the values that its question marks stand for.
//!
//! Only two kinds are taken apart: an `INSERT` of an item, and an `UPDATE` of one item, by its key, under
//! conditions that all have to hold. That a text is valid is not decided here.

/// A statement without its parameters. Its attributes' names are letters, digits and `_`.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape {
    /// Puts an item with these attributes, a parameter each. `pk` and `sk` are the first two.
    Insert(Vec<Box<str>>),
    /// Changes the item of a key.
    Update(Update),
}

/// Its parameters are the values to set, `pk`, `sk`, and the values of those conditions that have one.
#[derive(Debug, PartialEq, Eq)]
pub struct Update {
    /// The attributes to set.
    pub set: Vec<Box<str>>,
    /// The attributes to remove.
    pub remove: Vec<Box<str>>,
    /// The conditions: each of an attribute.
    pub conditions: Vec<(Box<str>, Condition)>,
}

/// What an attribute has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Equal to a parameter.
    Equal,
    /// Not there.
    Missing,
}

impl Shape {
    /// The statement that a text says, of a table of this name; `None` of any that is not of those two kinds.
    pub fn of(text: &str, table: &str) -> Option<Self> {
        let mut rest = Rest(text);
        let shape = match rest.word("INSERT") {
            Some(()) => rest.insert(table).map(Self::Insert),
            None => rest.update(table).map(Self::Update),
        };
        shape.filter(|_| rest.0.trim().is_empty())
    }

    /// How many parameters it takes.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Insert(names) => names.len(),
            Self::Update(Update { set, conditions, .. }) => {
                let equal =
                    |(_, condition): &&(Box<str>, Condition)| *condition == Condition::Equal;
                set.len() + 2 + conditions.iter().filter(equal).count()
            }
        }
    }

    /// Where among them the key's two are.
    pub fn key_at(&self) -> usize {
        match self {
            Self::Insert(_) => 0,
            Self::Update(update) => update.set.len(),
        }
    }
}

/// What is left to read of a text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn insert(&mut self, table: &str) -> Option<Vec<Box<str>>> {
        self.word("INTO")?;
        self.table(table)?;
        self.word("VALUE")?;
        self.sign("{")?;
        let mut names = Vec::new();
        loop {
            add(&mut names, self.quoted('\'')?)?;
            self.sign(":")?;
            self.sign("?")?;
            if self.sign(",").is_none() {
                break;
            }
        }
        self.sign("}")?;
        matches!(&names[..], [pk, sk, ..] if **pk == *"pk" && **sk == *"sk").then_some(names)
    }

    fn update(&mut self, table: &str) -> Option<Update> {
        self.word("UPDATE")?;
        self.table(table)?;
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        while self.word("SET").is_some() {
            add(&mut set, self.name()?)?;
            self.sign("=")?;
            self.sign("?")?;
        }
        while self.word("REMOVE").is_some() {
            add(&mut remove, self.name()?)?;
        }
        self.word("WHERE")?;
        for part in ["pk", "sk"] {
            self.word(part)?;
            self.sign("=")?;
            self.sign("?")?;
            if part == "pk" {
                self.word("AND")?;
            }
        }
        let mut conditions = Vec::new();
        while self.word("AND").is_some() {
            conditions.push((self.name()?.into(), self.condition()?));
        }
        let conditional = conditions.iter().map(|(name, _): &(Box<str>, _)| name);
        let mut names = set.iter().chain(&remove).chain(conditional);
        let touches_key = names.any(|name| matches!(&**name, "pk" | "sk"));
        let overlaps = remove.iter().any(|name| set.contains(name));
        (!touches_key && !overlaps).then_some(Update { set, remove, conditions })
    }

    fn condition(&mut self) -> Option<Condition> {
        if self.word("IS").is_some() {
            self.word("MISSING")?;
            return Some(Condition::Missing);
        }
        self.sign("=")?;
        self.sign("?")?;
        Some(Condition::Equal)
    }

    fn table(&mut self, table: &str) -> Option<()> {
        (self.quoted('"')? == table).then_some(())
    }

    /// A name, in double quotes or not.
    fn name(&mut self) -> Option<&'a str> {
        self.quoted('"').or_else(|| self.bare())
    }

    fn quoted(&mut self, quote: char) -> Option<&'a str> {
        let mut rest = Rest(self.0.trim_start().strip_prefix(quote)?);
        let name = rest.bare()?;
        self.0 = rest.0.strip_prefix(quote)?;
        Some(name)
    }

    fn bare(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let end = rest.find(|letter: char| !is_of_a_word(letter)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let is_name = name.starts_with(|first: char| !first.is_ascii_digit());
        is_name.then(|| self.0 = rest)?;
        Some(name)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.0.trim_start().strip_prefix(word)?;
        (!rest.starts_with(is_of_a_word)).then(|| self.0 = rest)
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(sign)?;
        Some(())
    }
}

/// `None` where the name is there already.
fn add(names: &mut Vec<Box<str>>, name: &str) -> Option<()> {
    let is_new = names.iter().all(|known| **known != *name);
    is_new.then(|| names.push(name.into()))
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<Shape> {
        Shape::of(text, "t")
    }

    fn names(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn what_the_store_says_is_taken_apart() {
        let insert = shape("INSERT INTO \"t\" VALUE {'pk': ?, 'sk': ?, 'a': ?}").unwrap();
        assert_eq!((insert.parameters(), insert.key_at()), (3, 0));
        assert_eq!(insert, Shape::Insert(names(&["pk", "sk", "a"])));
        let text = "UPDATE \"t\" SET a = ? SET \"state\" = ? REMOVE b REMOVE c WHERE pk = ? AND sk = ? \
                    AND d = ? AND e IS MISSING AND \"f\" = ?";
        let update = shape(text).unwrap();
        assert_eq!((update.parameters(), update.key_at()), (6, 2));
        let condition = |name: &str, is| (name.into(), is);
        let expected = Update {
            set: names(&["a", "state"]),
            remove: names(&["b", "c"]),
            conditions: vec![
                condition("d", Condition::Equal),
                condition("e", Condition::Missing),
                condition("f", Condition::Equal),
            ],
        };
        assert_eq!(update, Shape::Update(expected));
    }

    #[test]
    fn what_says_more_is_of_no_shape() {
        let key = "WHERE pk = ? AND sk = ?";
        for text in [
            "INSERT INTO \"other\" VALUE {'pk': ?, 'sk': ?}",
            "INSERT INTO \"t\" VALUE {'pk': ?, 'sk': ?, 'a': 1}",
            "INSERT INTO \"t\" VALUE {'pk': ?, 'sk': ?, 'a': ?, 'a': ?}",
            "INSERT INTO \"t\" VALUE {'pk': ?, 'sk': ?} ON CONFLICT DO NOTHING",
            "INSERT INTO \"t\" VALUE {'sk': ?, 'pk': ?}",
            "SELECT * FROM \"t\" WHERE pk = ? AND sk = ?",
            "DELETE FROM \"t\" WHERE pk = ? AND sk = ?",
            &format!("UPDATE \"t\" SET a = b {key}"),
            &format!("UPDATE \"t\" SET a = ? + ? {key}"),
            &format!("UPDATE \"t\" SET a.b = ? {key}"),
            &format!("UPDATE \"t\" SET a = ? REMOVE a {key}"),
            &format!("UPDATE \"t\" SET pk = ? {key}"),
            &format!("UPDATE \"t\" SET a = ? {key} OR a = ?"),
            &format!("UPDATE \"t\" SET a = ? {key} AND a > ?"),
            &format!("UPDATE \"t\" SET a = ? {key} AND a IS NOT MISSING"),
            &format!("UPDATE \"t\" SET a = ? {key} RETURNING ALL OLD *"),
            "UPDATE \"t\" SET a = ? WHERE pk = ?",
            "UPDATE \"t\" SET a = ?",
        ] {
            assert_eq!(shape(text), None, "{text}");
        }
    }
}
