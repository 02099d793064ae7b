metadata description = 'Alert rules on the app itself: no scan, poison messages, failures, channels that do not work.'

@description('Name of the app, used in the names of the rules.')
param appName string

@description('Azure region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Resource ID of the Log Analytics workspace.')
param workspaceId string

@description('Mail addresses that are told; empty: the rules show in the portal only.')
param operationsEmails array

@description('Hours without a successful scan after which the first rule fires.')
param scanOverdueHours int

@description('Failed function runs within an hour after which the third rule fires.')
param failureThreshold int

// Log lines and not AppRequests: in OpenTelemetry mode the host writes no request for a queue trigger. The app writes
// "Run <id>: <n> accounts, complete: <True or False>, ..." once a scan of everything is kept, and other words after one of
// some accounts, which says nothing about the others; functions/queues.py has the lines.
// A new installation has had no time to scan yet: its oldest line is younger than the limit. Where there is no line at all it
// fires: nothing else would notice telemetry that never arrives.
var scanOverdueQuery = '''
AppTraces
| summarize Oldest = min(TimeGenerated), Scans = countif(TimeGenerated > ago({0}h) and Message startswith "Run " and Message contains " accounts, complete: ")
| where Scans == 0 and (isnull(Oldest) or Oldest < ago({0}h))
'''

// The host writes a record for every run of a function that ends. In OpenTelemetry mode one that failed is an exception,
// whose message is another than that of a trace; the properties are the same.
var poisonQuery = '''
union isfuzzy=true AppTraces, AppExceptions
| where tostring(Properties.EventName) == "FunctionCompleted"
| where tostring(Properties.functionName) in ("Functions.scans_poison", "Functions.alerts_poison")
'''

var failureQuery = '''
union isfuzzy=true AppTraces, AppExceptions
| where tostring(Properties.EventName) == "FunctionCompleted"
| where tostring(Properties.status) == "Failed"
'''

// With each scan the app logs a line for each channel that doesn't work, and one when it notices: where it is the only channel,
// nobody hears of it through the others. jobs/channel_watch.py has the lines. Longer than a day, so that a scan that begins a
// little later than the day before doesn't end the alert and begin another.
var channelQuery = '''
AppTraces
| where TimeGenerated > ago(30h)
| where Message startswith "Alerts haven't got through to " or Message startswith "Alerts don't get through to "
'''

var rules = [
  {
    name: 'no-scan'
    title: 'No successful scan'
    text: 'No scan has succeeded for ${scanOverdueHours} hours. Findings may be out of date.'
    query: format(scanOverdueQuery, scanOverdueHours)
    severity: 1
    frequency: 'PT1H'
    // Two days are the longest window that a log alert rule can have.
    window: 'P2D'
    threshold: 0
  }
  {
    name: 'poison'
    title: 'A message could not be processed'
    text: 'A scan or an alert failed again and again and was set aside. See docs/troubleshooting.md.'
    query: poisonQuery
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 0
  }
  {
    name: 'failures'
    title: 'Functions are failing'
    text: 'Functions of the app failed ${failureThreshold} times or more within an hour.'
    query: failureQuery
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    threshold: failureThreshold - 1
  }
  {
    name: 'channels'
    title: 'Alerts do not get through'
    text: 'A channel for alerts does not work, so that nobody may hear what changes. The doctor says why: docs/troubleshooting.md.'
    query: channelQuery
    severity: 1
    frequency: 'PT1H'
    window: 'P2D'
    threshold: 0
  }
]

resource operations 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${appName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'AppPwdWatch'
    emailReceivers: [
      for (address, index) in operationsEmails: {
        name: 'mail-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alertRules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: 'alert-${appName}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${rule.title} (${appName})'
      description: rule.text
      enabled: true
      severity: rule.severity
      scopes: [
        workspaceId
      ]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.threshold
            failingPeriods: {
              minFailingPeriodsToAlert: 1
              numberOfEvaluationPeriods: 1
            }
          }
        ]
      }
      // One mail when it starts and one when it is over, not one per evaluation.
      autoMitigate: true
      // A fresh workspace has none of the tables yet.
      skipQueryValidation: true
      actions: {
        actionGroups: [
          operations.id
        ]
      }
    }
  }
]

output actionGroupId string = operations.id
