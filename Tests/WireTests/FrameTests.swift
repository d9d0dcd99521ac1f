// Are the boundaries of messages found, at any cut of the stream?

import Testing
