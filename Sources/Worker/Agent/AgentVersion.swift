/// The version of the worker, for the master and for people.
public enum AgentVersion {
    public static let text = "0.1.0"
}
