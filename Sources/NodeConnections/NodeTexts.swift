import Glibc
public import NodeRPC
import Units

extension NodeEndpoint {
    /// A sentence for people: what, where, and what to do. Words of the node's own are in it without what could play
    /// with a terminal.
    public func sentence(for health: NodeHealth) -> String { plain(words(for: health)) }

    private func words(for health: NodeHealth) -> String {
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
        case .garbage(let fault): "does not answer as a node does: \(fault.words). Is this its RPC port?"
        case .badAnswer(let call, let fault):
            "answers \(call) in a way that makes no sense: \(fault.words). Is it a node of Bitcoin, 0.21 or newer?"
        case .refused(let call, let error):
            "refuses \(call): \(error.message) (code \(error.code)). Its log may say more."
        case .warmingUp(let message): "is starting: \(message) Try again when it has done."
        case .initialDownload(let blocks, let headers):
            "is downloading the chain: block \(blocks) of \(headers). It gives templates when it has done."
        case .behind(let blocks, let headers):
            "is behind: it has block \(blocks) and knows of block \(headers). Wait until it has caught up."
        case .notConnected: "has no peers, and gives no templates: check its network."
        case .badTemplate(let refusal):
            "gives a template that cannot be used: \(refusal.words). Is it a node of Bitcoin, and up to date?"
        case .badTransaction(let txid):
            "gives other bytes than those of transaction \(txid). Is something between it and this program?"
        }
    }

    private func words(for failure: CallFailure) -> String {
        switch failure {
        case .unknownHost: "is not found: no such host name. Is it spelled right?"
        case .refused: "refuses the connection: does it run, with server=1, and is the port right?"
        case .unreachable(let code):
            "cannot be reached: \(String(cString: strerror(code))). Check the address and the network."
        case .connectTimedOut:
            "does not answer: no connection within the time. Check the address, and firewalls on the way."
        case .closed: "closed the connection before it had answered. Has it stopped?"
        case .tooLarge(let limit):
            "sends an answer of more than \(limit >> 20) MB, the most that is taken. Is this its RPC port?"
        case .noHTTP: "does not speak HTTP: is this its RPC port?"
        case .cookieUnreadable(let path, let code):
            "cannot be asked: its cookie \(path) cannot be read (\(String(cString: strerror(code)))). "
                + "Does the node run, and may this user read the file?"
        case .cookieMalformed(let path):
            "cannot be asked: \(path) is not a cookie (user:password). Is it the file that the node wrote?"
        }
    }
}

/// The text without control and format characters.
private func plain(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.filter {
                switch $0.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }))
}

extension ReplyFault {
    fileprivate var words: String {
        switch self {
        case .unauthorised: "HTTP status 401"
        case .forbidden: "HTTP status 403"
        case .busy: "HTTP status 503"
        case .http(let status): "HTTP status \(status)"
        case .json(let fault): "what comes is no JSON-RPC (\(fault.reason.words), at byte \(fault.offset))"
        case .strangeID(let offset): "an answer to a question that nobody asked, at byte \(offset)"
        case .unanswered(let call): "no answer to \(call)"
        case .empty(let call): "neither a result nor an error for \(call)"
        }
    }
}

extension AnswerFault {
    fileprivate var words: String {
        switch self {
        case .json(let fault): "\(fault.reason.words), at byte \(fault.offset)"
        case .missing(let field): "there is no \(field)"
        }
    }
}
