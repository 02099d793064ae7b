metadata description = 'The one identity of the app: it reads Microsoft Graph, the storage account and the vault.'

@description('Name of the user-assigned managed identity.')
param name string

@description('Azure region.')
param location string

@description('Tags on every resource.')
param tags object

// User-assigned, so that the Microsoft Graph permissions granted to it outlive a
// redeployment of the app, and can be granted before the first deployment of code.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output name string = identity.name
output principalId string = identity.properties.principalId
output clientId string = identity.properties.clientId
