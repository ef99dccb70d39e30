//! What must hold between several settings.

use super::cells::Value;
use super::setting::Setting;

/// A rule that does not hold.
pub(super) struct Broken {
    /// The settings that it is about; the first is the one to blame if none was given.
    pub concerns: &'static [&'static str],
    /// What is wrong, and what to do.
    pub text: String,
}

/// Checks every rule against the values that `value_of` tells: those in force, or those about to be.
///
/// # Errors
/// The first rule that does not hold.
pub(super) fn check(value_of: &dyn Fn(&'static Setting) -> Value) -> Result<(), Broken> {
    let value_of = |name: &str| value_of(super::find(name.as_bytes()).expect("a rule is about settings of the table"));
    strangers_need_a_password(&value_of)?;
    soft_is_below_hard(&value_of)?;
    the_snapshot_is_a_file_of_its_directory(&value_of)?;
    the_log_lies_below_its_directory(&value_of)
}

/// Whoever can reach the port can read and delete everything, and run scripts. So other machines need a password.
fn strangers_need_a_password(value_of: &dyn Fn(&str) -> Value) -> Result<(), Broken> {
    let (Value::Addresses(bind), Value::Integer(port), Value::Secret(password)) =
        (value_of("bind"), value_of("port"), value_of("requirepass"))
    else {
        unreachable!("the rule names settings of these kinds")
    };
    match bind.iter().find(|address| !address.is_loopback()) {
        Some(address) if port != 0 && password.is_empty() => Err(Broken {
            concerns: &["bind", "requirepass", "port"],
            text: format!(
                "other machines can reach {address}, but there is no password: set requirepass, or bind only loopback \
                 addresses such as 127.0.0.1"
            ),
        }),
        _ => Ok(()),
    }
}

fn the_snapshot_is_a_file_of_its_directory(value_of: &dyn Fn(&str) -> Value) -> Result<(), Broken> {
    let Value::Text(name) = value_of("dbfilename") else { unreachable!("the rule names a setting of this kind") };
    if !name.is_empty() && !name.contains('/') {
        return Ok(());
    }
    let text = "dbfilename can't be a path, just a filename: the directory is the setting dir".to_owned();
    Err(Broken { concerns: &["dbfilename"], text })
}

fn the_log_lies_below_its_directory(value_of: &dyn Fn(&str) -> Value) -> Result<(), Broken> {
    for (name, concerns) in [("appenddirname", &["appenddirname"]), ("appendfilename", &["appendfilename"])] {
        let Value::Text(text) = value_of(name) else { unreachable!("the rule names settings of this kind") };
        let is_plain = !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '\n', '\r', '\0']);
        if !is_plain {
            let text = format!("{name} can't be a path, just a name: the directory above it is the setting dir");
            return Err(Broken { concerns, text });
        }
    }
    Ok(())
}

fn soft_is_below_hard(value_of: &dyn Fn(&str) -> Value) -> Result<(), Broken> {
    let (Value::Integer(soft), Value::Integer(hard)) =
        (value_of("output-buffer-soft-limit"), value_of("output-buffer-hard-limit"))
    else {
        unreachable!("the rule names settings of these kinds")
    };
    if soft <= hard {
        return Ok(());
    }
    Err(Broken {
        concerns: &["output-buffer-soft-limit", "output-buffer-hard-limit"],
        text: format!("the soft limit, {soft}, is above the hard limit, {hard}: raise the one or lower the other"),
    })
}
