import Glibc
import NodeConnections

/// Where a node on this machine answers, and where it keeps its cookie, unless it was told otherwise.
/// Source: Bitcoin Core, `chainparamsbase.cpp`.
enum LocalNode: String, CaseIterable {
    case main, test, testnet4, signet, regtest

    init(network: some StringProtocol) throws(SourceAddressFault.Reason) {
        guard let node = LocalNode(rawValue: network.isEmpty ? "main" : String(network)) else {
            throw .unknownNetwork
        }
        self = node
    }

    init?(port: Int) {
        guard let node = LocalNode.allCases.first(where: { $0.port == port }) else { return nil }
        self = node
    }

    var port: Int {
        switch self {
        case .main: 8_332
        case .test: 18_332
        case .testnet4: 48_332
        case .signet: 38_332
        case .regtest: 18_443
        }
    }

    private var folder: String {
        switch self {
        case .main: ""
        case .test: "testnet3/"
        case .testnet4, .signet, .regtest: "\(rawValue)/"
        }
    }

    func endpoint(_ home: String?, host: String = "127.0.0.1") throws(SourceAddressFault.Reason)
        -> NodeEndpoint
    {
        guard let home, !home.isEmpty else { throw .noHome }
        return NodeEndpoint(
            host: host, port: port, credentials: .cookie(path: "\(home)/.bitcoin/\(folder).cookie"))
    }
}

/// The folder of the user that this program runs as, by the environment.
public func homeFolder() -> String? { getenv("HOME").map { String(cString: $0) } }
