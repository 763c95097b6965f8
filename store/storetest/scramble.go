package storetest

import "reflect"

// scramble overwrites everything that can be reached from a struct, in place, so that whoever shares
// any of it is found out, in fields to come too.
func scramble(record any) { scrambleValue(reflect.ValueOf(record).Elem()) }

func scrambleValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scrambleValue(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scrambleValue(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			scrambleValue(v.Index(i))
		}
	case reflect.String:
		v.SetString("scrambled")
	case reflect.Int, reflect.Int64:
		v.SetInt(-1)
	case reflect.Uint8:
		v.SetUint('0')
	case reflect.Bool:
		v.SetBool(!v.Bool())
	}
}
