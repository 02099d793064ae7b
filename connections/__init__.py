"""Microsoft Graph, tables, queues, alert channels and Application Insights, opened as the settings say."""
