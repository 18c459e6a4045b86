// Runs before everything else: what goes wrong is remembered.
window.watched = { errors: [], refused: [] };
addEventListener('error', (event) => window.watched.errors.push(String(event.message)));
addEventListener('unhandledrejection', (event) => window.watched.errors.push(String(event.reason)));
addEventListener('securitypolicyviolation', (event) => window.watched.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
