import ArgumentParser
import FoundationEssentials

/// A flag, or its environment variable.
enum Setting {
    /// Returns the flag, or else the variable; an empty variable counts as not set.
    ///
    /// - Throws: `ValidationError` where the flag is empty: an unset variable in a script must not turn off what the
    ///   flag turns on.
    static func value(_ flag: String?, _ option: String, _ variable: String) throws -> String? {
        if let flag {
            guard !flag.isEmpty else {
                throw ValidationError("\(option) is given, but empty: give it a value, or leave it out.")
            }
            return flag
        }
        let value = ProcessInfo.processInfo.environment[variable]
        return value?.isEmpty == true ? nil : value
    }
}
