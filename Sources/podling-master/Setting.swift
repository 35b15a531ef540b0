import ArgumentParser
import FoundationEssentials

/// A flag, or the variable of the environment that stands for it.
enum Setting {
    /// The flag, or else the variable; an empty variable is not set.
    ///
    /// - Throws: `ValidationError` where the flag is empty: a script's variable that is not set is not to turn off
    ///   what the flag turns on.
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
