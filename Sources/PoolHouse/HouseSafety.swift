import Glibc
public import Payouts
public import PoolLedger
public import PoolServer
import SV2Noise
public import Transports

/// Why a pool does not start, or ends.
public enum HouseFault: Error, Equatable, Sendable {
    case file(HouseFileFault)
    /// The key of the address, and the address that lets everybody in.
    case allInterfaces(key: String, host: String)
    /// Others may write to the folder of the ledger: its permission bits.
    case ledgerFolder(path: String, mode: UInt32)
    case key(AuthorityKeyFileError)
    case ledger(LedgerFault)
    case listen(ListenError)
    /// Nobody could mine here.
    case noMode
    /// A list of candidates, and no way to declare what was chosen.
    case baseTemplateAlone
    case samePort(Int)
    /// The payout is of another network than the node's.
    case otherNetwork(place: String, chain: String, payout: BitcoinNetwork)
    /// What is wrong with the recording.
    case recording(String)

    /// Whether the configuration must be changed before another attempt makes sense (exit status 78).
    public var isConfiguration: Bool {
        switch self {
        case .file, .allInterfaces, .ledgerFolder, .key, .noMode, .baseTemplateAlone, .samePort,
            .otherNetwork,
            .recording:
            true
        case .ledger, .listen: false
        }
    }
}

extension HouseFault: CustomStringConvertible {
    /// A sentence for the operator: what, where, and what to do.
    public var description: String {
        switch self {
        case .file(let fault): fault.description
        case .allInterfaces(let key, let host):
            "\(key) listens at \(host.isEmpty ? "every address" : host), where everybody can come who can reach this "
                + "machine; name one address of this machine, or say all_interfaces = true in [listen]"
        case .ledgerFolder(let path, let mode):
            "everybody may write to the folder of the share ledger \(path) (mode 0\(String(mode, radix: 8))), and so "
                + "replace it; choose a folder of your own in ledger.path"
        case .key(let error): "pool.authority_key: \(error)"
        case .ledger(let fault): fault.description
        case .listen(let error): error.description
        case .noMode:
            "nobody could mine here: own_jobs, full_template and coinbase_only are all false in [modes]; set one to true"
        case .baseTemplateAlone:
            "base_template offers transactions to choose from, and nothing chosen could be declared; set full_template or "
                + "coinbase_only in [modes] to true, or base_template to false"
        case .samePort(let port):
            "listen.mining and listen.declaration are both port \(port); give them different ones"
        case .otherNetwork(let place, let chain, let payout):
            "the node at \(place) is on the network \(chain), and pool.payout is for \(name(payout)): blocks would pay "
                + "nobody. Correct pool.payout and pool.network, or nodes.sources"
        case .recording(let problem): "nodes.recording: \(problem)"
        }
    }

    private func name(_ network: BitcoinNetwork) -> String {
        switch network {
        case .main: "main"
        case .test: "a test network"
        case .regtest: "regtest"
        }
    }
}

extension HouseConfiguration {
    /// What must hold before anything is opened. What depends on the node is checked when it is reached.
    ///
    /// - Returns: the pool's key, read from its file.
    func checkSafety() throws(HouseFault) -> AuthorityKeyPair {
        guard modes.ownJobs || modes.declares else { throw .noMode }
        guard !modes.baseTemplate || modes.declares else { throw .baseTemplateAlone }
        if !allInterfaces {
            for (key, listen) in [("listen.mining", mining), ("listen.declaration", declaration)]
            where listen.isEverywhere { throw .allInterfaces(key: key, host: listen.host) }
        }
        guard mining.port == 0 || mining.port != declaration.port || !modes.declares else {
            throw .samePort(mining.port)
        }
        var facts = stat()
        // A folder that is not there is the ledger's to complain of.
        if stat(folder(of: ledger), &facts) == 0, facts.st_mode & S_IWOTH != 0 {
            throw .ledgerFolder(path: ledger, mode: facts.st_mode & 0o7777)
        }
        do throws(AuthorityKeyFileError) {
            return try AuthorityKeyFile.read(authorityKey)
        } catch {
            throw .key(error)
        }
    }

    /// Whether a node's blocks can pay the payout.
    ///
    /// - Parameter chain: as nodes name it (`getblockchaininfo`).
    func checkNetwork(_ chain: String, at place: String) throws(HouseFault) {
        let node: BitcoinNetwork? =
            switch chain {
            case "main": .main
            case "test", "testnet4", "signet": .test
            case "regtest": .regtest
            case _: nil
            }
        guard node == network else { throw .otherNetwork(place: place, chain: chain, payout: network) }
    }
}
