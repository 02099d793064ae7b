"""What takes more than one scan to know, kept by day: sign-ins, the audit log, and what Microsoft's What If said."""
