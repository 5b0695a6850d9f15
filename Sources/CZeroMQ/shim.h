// libzmq, for the notifications of a node. Everything that is used is in its own header.
#ifndef ADIT_CZEROMQ_SHIM_H
#define ADIT_CZEROMQ_SHIM_H

#include <zmq.h>

#endif
