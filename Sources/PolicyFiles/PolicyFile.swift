import Glibc
public import Payouts
import TOMLNodes
public import TemplatePolicies

/// Reads an operator's policy from TOML:
///
///     minimum_rate = 1.5          # satoshis per virtual byte, up to three decimals
///
///     [include]
///     txids = ["…"]               # taken with all their ancestors, whatever they pay
///
///     [exclude]                   # each with all its descendants
///     txids = ["…"]
///     wtxids = ["…"]
///     addresses = ["bc1…"]        # paid to, or, where the spent outputs are known, spent from
///     scripts = ["0014…"]         # the same, as output scripts
///     op_return_above = 83        # bytes of an OP_RETURN output script
///     inscriptions = true         # OP_FALSE OP_IF "ord" in a witness script
///     vsize_above = 100000        # virtual bytes
///
///     [prioritise]                # satoshis that a transaction is ordered up by, or down
///     "txid" = 5000
///
/// Everything may be left out. A key that is not known is an error, and so is a transaction that is to be in and out at
/// once.
public enum PolicyFile {
    /// Bytes that a file may have: all its lists full.
    public static let maximumSize = 8 << 20

    /// - Parameter network: which addresses must belong to it; `nil` takes those of any.
    public static func rules(
        file path: String, network: BitcoinNetwork?
    ) throws(PolicyFileFault) -> PolicyRules {
        do throws(PolicyFileFault.Reason) {
            let bytes = try contents(of: path)
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
            return try rules(toml: text, source: path, network)
        } catch {
            throw PolicyFileFault(file: path, reason: error)
        }
    }

    /// Reads a policy in memory.
    ///
    /// - Parameter source: how to call it in an error.
    public static func rules(
        toml text: String, source: String, network: BitcoinNetwork?
    ) throws(PolicyFileFault) -> PolicyRules {
        do throws(PolicyFileFault.Reason) {
            return try rules(toml: text, source: source, network)
        } catch {
            throw PolicyFileFault(file: source, reason: error)
        }
    }

    private static func rules(
        toml text: String, source: String, _ network: BitcoinNetwork?
    ) throws(PolicyFileFault.Reason) -> PolicyRules {
        guard text.utf8.count <= maximumSize else { throw .tooLarge(limit: maximumSize) }
        var reader = PolicyReader(source: source, text: text, network: network)
        try reader.read(try document(text))
        return reader.rules
    }

    private static func document(_ text: String) throws(PolicyFileFault.Reason) -> TOMLNode {
        do throws(TOMLFault) {
            return try TOMLNode(parsing: text)
        } catch {
            switch error {
            case .syntax(let what, let line, let column): throw .syntax(what, line: line, column: column)
            case .unreadable(let what): throw .syntax(what, line: 1, column: 1)
            }
        }
    }

    private static func contents(of path: String) throws(PolicyFileFault.Reason) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(errno: errno)
            }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= maximumSize else { throw .tooLarge(limit: maximumSize) }
        }
    }
}
