import BitcoinPrimitives
import Glibc
public import MempoolREST
import Units

extension RESTEndpoint {
    /// A sentence for people: what, where, and what to do.
    public func sentence(for health: ServiceHealth) -> String {
        switch health {
        case .starting: "Asking the mempool service at \(place)."
        case .gathering: "The mempool service at \(place) is followed; its transactions are on their way."
        case .following: "Following the mempool service at \(place)."
        case .down(let trouble): "The mempool service at \(place) \(words(for: trouble))"
        }
    }

    private func words(for trouble: ServiceTrouble) -> String {
        switch trouble {
        case .unreachable(let failure): words(for: failure)
        case .stalled(let question, let after):
            "has not answered \(question.path) for \(Int(after.inSeconds)) seconds. It is asked again."
        case .throttled(429, let wait):
            "wants fewer questions. It is asked again in \(RESTEndpoint.text(wait)); if this comes often, ask it more "
                + "slowly, or run a service of your own."
        case .throttled(_, let wait): "has no time. It is asked again in \(RESTEndpoint.text(wait))."
        case .refused(let question, 401), .refused(let question, 403):
            "does not let us ask \(question.path): does it take questions from this network?"
        case .refused(let question, 404):
            "has no \(question.path): is \(basePath.isEmpty ? "a base path missing" : "the base path \(basePath) right")?"
        case .refused(let question, let status): "answers \(question.path) with status \(status)."
        case .redirected(let target?):
            "wants to be asked at \(RESTEndpoint.printable(target)): if you trust that, give that address instead."
        case .redirected(nil): "wants to be asked elsewhere, and does not say where."
        case .badAnswer(let question, let fault):
            "answers \(question.path) in a way that makes no sense (\(fault)): is this a mempool service?"
        case .mempoolTooLarge(let count, let limit):
            "says that it has \(count) transactions; no more than \(limit) are followed."
        case .untruthful(let count, let last):
            "gave \(count) transactions in a row that are not what it says (the last: \(words(for: last))). It is left "
                + "alone for a while; use another."
        }
    }

    private func words(for failure: RESTFailure) -> String {
        switch failure {
        case .unknownHost: "is not found: is the name right, and does this machine's DNS work?"
        case .refused: "refuses the connection: is the port right?"
        case .unreachable(let code): "cannot be reached: \(String(cString: strerror(code)))."
        case .connectTimedOut: "does not answer: no connection within the time."
        case .closed, .keptConnectionClosed: "closed the connection before it had answered."
        case .tooLarge(let limit): "sends an answer of more than \(limit) bytes."
        case .noHTTP:
            isPlain ? "does not speak HTTP: does its address begin with https://?" : "does not speak HTTP."
        case .encoded(let name):
            "sends packed answers (\(RESTEndpoint.printable(name))) though it was asked not to; use another."
        case .tls(let failure): words(for: failure)
        }
    }

    private func words(for failure: RESTTLSFailure) -> String {
        switch failure {
        case .notTLS: "does not speak TLS on port \(port): does its address begin with http://?"
        case .untrusted:
            "shows a certificate that cannot be trusted: nobody known has signed it, it has expired, or the clock of "
                + "this machine is wrong."
        case .wrongName: "shows a certificate for another name than \(host)."
        case .timedOut: "does not finish the TLS handshake."
        case .settings(let text): "cannot be asked: TLS cannot be set up (\(text))."
        case .other(let text): "does not come to terms on TLS: \(text)."
        }
    }

    /// Why a transaction was not taken, as the end of a sentence.
    public func words(for refusal: CandidateRefusal) -> String {
        switch refusal {
        case .unreadable(let fault): "an answer that cannot be read (\(fault))"
        case .malformed(let fault): "bytes that are no transaction (\(fault))"
        case .tooLarge(let limit): "an answer of more than \(limit) bytes"
        case .txidDiffers(let actual): "another transaction, \(actual.displayHex), than was asked for"
        case .inputsDiffer: "bytes that spend other outputs than told"
        case .sizeDiffers(let stated, let actual): "\(stated) bytes told, \(actual) counted"
        case .weightDiffers(let stated, let actual):
            "a weight of \(stated.weightUnits) told, \(actual.weightUnits) counted"
        case .feeDiffers(let stated, let actual): "a fee of \(stated) sat told, \(actual.rawValue) counted"
        case .sigopsDiffer(let stated, let actual): "a sigop cost of \(stated) told, \(actual) counted"
        case .coinbase: "a coinbase"
        case .empty: "no inputs or no outputs"
        case .spentOutputMissing(let input): "the output that input \(input) spends is not told"
        case .spendsTwice(let outPoint):
            "output \(outPoint.index) of \(outPoint.txid.displayHex) is spent twice"
        case .amountOutOfRange: "an amount that cannot be"
        case .createsMoney: "more is paid out than taken in"
        case .tooHeavyForBlock: "too heavy for a block"
        case .spentOutputDiffers(let parent): "an output of \(parent.displayHex) that is not so"
        case .conflicts(let other): "it spends what \(other.displayHex) spends"
        case .parentRefused(let parent): "it spends from \(parent.displayHex), which was refused"
        }
    }

    private static func text(_ wait: Duration) -> String {
        let seconds = Int(wait.inSeconds.rounded(.up))
        return seconds < 120 ? "\(seconds) seconds" : "\((seconds + 59) / 60) minutes"
    }

    /// Text from outside, for a terminal: short, and without what could steer it.
    static func printable(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}

extension RESTAddressFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noScheme:
            "the address of a mempool service begins with https:// (or http:// on your own network)"
        case .noHost: "the address names no host"
        case .badPort(let text): "'\(RESTEndpoint.printable(text))' is no port; ports are 1 to 65535"
        case .extra(let character):
            "the address has a '\(character)', which the address of a mempool service has not"
        case .badCharacter: "the address has a character that no address has"
        case .plainToStranger(let host):
            "http:// to \(host) would let everybody between read and change the answers: use https://, or say that "
                + "plain http is wanted"
        case .badAgent: "the name to be sent as User-Agent is empty, too long, or not plain ASCII"
        }
    }
}
