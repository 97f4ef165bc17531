var names = ['INVITED', 'HANG_UP', 'REJECT', 'USER_LEAVE', 'NO_RESP', 'CALLING_TIMEOUT', 'LINE_BUSY', 'CALLING_CANCEL', 'USER_ENTER', 'CALL_END']
names.forEach(function (name) {
  exports[name] = name
})
