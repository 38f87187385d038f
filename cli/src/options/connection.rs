//! `--param`: the parameters of a flow's connection.

use clap::Args;

/// A connection's parameters. Secrets come from the environment: `TIDEGATE_SECRET_NAME`.
#[derive(Debug, Clone, Default, Args)]
pub struct ParamOptions {
    /// A parameter of the connection; may be repeated.
    #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub params: Vec<(String, String)>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::name_and_value;

    #[test]
    fn only_the_first_equals_sign_parts_a_name_from_its_value() {
        let pair = name_and_value("url=https://a.example/?b=c").unwrap();
        assert_eq!(pair, ("url".to_owned(), "https://a.example/?b=c".to_owned()));
        assert!(name_and_value("url").unwrap_err().contains("NAME=VALUE"));
    }
}
