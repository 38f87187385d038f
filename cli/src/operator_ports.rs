//! The ports that an operator's command works with: the deployed stack's, or those of a state folder.

/// Binds the ports of the deployed stack, or of the state folder, and runs the expression on them.
/// A macro, for the two are different types of the same shape.
macro_rules! with_ports {
    ($state:expr, $ports:ident => $act:expr) => {{
        if $state.aws {
            let $ports = $crate::deployed::ports($state).await?;
            $act
        } else {
            let state = $crate::embedded::open(Some(&$state.state))?;
            let fixed = $crate::embedded::Fixed::default();
            let $ports =
                $crate::embedded::app(state.table.clone(), fixed, 1, 1, None, Default::default())
                    .ports;
            $act
        }
    }};
}
pub(crate) use with_ports;
