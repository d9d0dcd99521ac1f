// Which version is this?

/// The version that `--version` prints and the log names.
let pointsmanVersion = "0.1.0"
