import Glibc
public import NodeRPC
import Units

extension NodeEndpoint {
    /// A sentence for people: what, where, and what to do.
    public func sentence(for health: NodeHealth) -> String {
        switch health {
        case .starting: "Asking the node at \(place)."
        case .synchronising(let missing):
            "The node at \(place) is in use; \(missing) transactions of its mempool are still to come."
        case .following: "Following the node at \(place)."
        case .down(let trouble): "The node at \(place) \(words(for: trouble))"
        }
    }

    private func words(for trouble: NodeTrouble) -> String {
        switch trouble {
        case .unreachable(let failure): words(for: failure)
        case .stalled(let call, let after):
            "has not answered \(call) for \(Int(after.inSeconds)) seconds. Is it busy, or its disk slow?"
        case .unauthorised:
            switch credentials {
            case .password(let user, _): "refuses user \(user): check rpcuser, rpcpassword or rpcauth."
            case .cookie(let path): "refuses the cookie in \(path): is it the file of this very node?"
            }
        case .forbidden: "does not talk with this machine: add its address to rpcallowip."
        case .busy: "has too many questions waiting: raise rpcworkqueue, or ask it from fewer programs."
        case .garbage(let fault): "does not answer as a node does (\(fault)): is this its RPC port?"
        case .badAnswer(let call, let fault): "answers \(call) in a way that makes no sense (\(fault))."
        case .refused(let call, let error): "refuses \(call): \(error.message) (code \(error.code))."
        case .warmingUp(let message): "is starting: \(message)"
        case .initialDownload(let blocks, let headers):
            "is downloading the chain: block \(blocks) of \(headers). It gives templates when it has done."
        case .behind(let blocks, let headers):
            "is behind: it has block \(blocks) and knows of block \(headers)."
        case .notConnected: "has no peers, and gives no templates: check its network."
        case .badTemplate(let refusal): "gives a template that contradicts itself (\(refusal))."
        case .badTransaction(let txid): "gives other bytes than those of transaction \(txid)."
        }
    }

    private func words(for failure: CallFailure) -> String {
        switch failure {
        case .unknownHost: "is not found: no such host name."
        case .refused: "refuses the connection: does it run, with server=1, and is the port right?"
        case .unreachable(let code): "cannot be reached: \(String(cString: strerror(code)))."
        case .connectTimedOut: "does not answer: no connection within the time."
        case .closed: "closed the connection before it had answered. Has it stopped?"
        case .tooLarge(let limit): "sends an answer of more than \(limit >> 20) MB."
        case .noHTTP: "does not speak HTTP: is this its RPC port?"
        case .cookieUnreadable(let path, let code):
            "cannot be asked: its cookie \(path) cannot be read (\(String(cString: strerror(code)))). "
                + "Does the node run, and may this user read the file?"
        case .cookieMalformed(let path): "cannot be asked: \(path) is not a cookie (user:password)."
        }
    }
}
