exports.greeting = 'Hello';
